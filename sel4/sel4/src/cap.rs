//! Names for capabilities by type: `cap::Tcb<C>` is `Cap<cap_type::Tcb, C>`.

use crate::{Cap, NoExplicitInvocationContext, cap_type};

macro_rules! aliases {
    ($($t:ident,)*) => { $(
        #[doc = concat!("A capability of type [`cap_type::", stringify!($t), "`].")]
        pub type $t<C = NoExplicitInvocationContext> = Cap<cap_type::$t, C>;
    )* };
}

aliases! {
    Untyped,
    CNode,
    SchedContext,
    Endpoint,
    Notification,
    Tcb,
    Reply,
    VCpu,
    SmallPage,
    LargePage,
    HugePage,
    PT,
    VSpace,
    IrqControl,
    IrqHandler,
    AsidControl,
    AsidPool,
    DomainSet,
    SchedControl,
    Smc,
    SgiSignal,
    Null,
    Unspecified,
    UnspecifiedPage,
    UnspecifiedIntermediateTranslationTable,
    Granule,
}
