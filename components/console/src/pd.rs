//! The protection domain around the server. Its symbols, for the system description:
//!
//! | symbol | attribute | what |
//! |---|---|---|
//! | `terminal_vaddr`, `terminal_size` | `setvar_vaddr`, `setvar_size` | region shared with the UART's driver |
//! | `terminal_channel` | `setvar_id` of the `end` | channel to the UART's driver |
//! | `remote_vaddr`, `remote_size` | `setvar_vaddr`, `setvar_size` | region shared with the driver of the line to terminals elsewhere; may be absent |
//! | `remote_channel` | `setvar_id` of the `end` | channel to that driver |
//! | `clients_vaddr`, `clients_size` | `setvar_vaddr`, `setvar_prefill_size` | the clients, see [`console::config`] |
//! | `client_N_vaddr`, `client_N_size` | `setvar_vaddr`, `setvar_size` | region shared with the client on channel N, 0 to 15 |

use core::ptr::NonNull;

use console::config::Config;
use console::{Client, Console};
use ivc::{Region, console::Port};
use sel4_microkit::{Channel, ChannelSet, Handler, Infallible, protection_domain, var};

/// Output kept of each client.
const HISTORY: usize = 32 * 1024;

struct Pd(Console<'static>);

#[protection_domain(heap_size = 0xa_0000)]
fn init() -> Pd {
    let terminal = Client {
        channel: *var!(terminal_channel: usize = 0),
        port: port(*var!(terminal_vaddr: usize = 0), *var!(terminal_size: usize = 0), Port::client)
            .expect("a region shared with the terminal's driver"),
    };
    let (mut config, mut problems) = Config::parse(clients_text());
    let regions = client_regions();
    let clients = config.connect(&mut problems, |channel| {
        let &(vaddr, size) = regions.get(channel)?;
        port(vaddr, size, Port::server)
    });
    let mut console = Console::new(terminal, clients, &config, &problems, HISTORY);
    if let Some(port) = port(*var!(remote_vaddr: usize = 0), *var!(remote_size: usize = 0), Port::client) {
        console = console.with_remote(Client { channel: *var!(remote_channel: usize = 0), port });
    }
    let mut pd = Pd(console);
    pd.run();
    pd
}

impl Pd {
    fn run(&mut self) {
        loop {
            let turn = self.0.turn();
            for channel in turn.channels() {
                Channel::new(channel).notify();
            }
            if !turn.more {
                return;
            }
        }
    }
}

impl Handler for Pd {
    type Error = Infallible;

    fn notified(&mut self, _: ChannelSet) -> Result<(), Infallible> {
        self.run();
        Ok(())
    }
}

/// The port in the region that the description put at `vaddr`, if it did and there is room.
fn port(
    vaddr: usize,
    size: usize,
    view: fn(Region<'static>) -> Result<Port<'static>, ivc::RegionError>,
) -> Option<Port<'static>> {
    let base = NonNull::new(vaddr as *mut u8)?;
    // SAFETY: the system description maps `size` bytes there, and only this port uses them.
    let region = unsafe { Region::from_raw(base, size) };
    region.and_then(view).ok()
}

/// The text that says who the clients are.
fn clients_text() -> &'static [u8] {
    let size = *var!(clients_size: usize = 0);
    let Some(base) = NonNull::new(*var!(clients_vaddr: usize = 0) as *mut u8) else {
        return &[];
    };
    // SAFETY: the system description maps this domain's own, prefilled and never written memory
    // there.
    unsafe { NonNull::slice_from_raw_parts(base, size).as_ref() }
}

/// Address and size of the region of the client on each channel; 0 where there is none.
fn client_regions() -> [(usize, usize); 16] {
    macro_rules! regions {
        ($($vaddr:ident $size:ident,)*) => {
            [$((*var!($vaddr: usize = 0), *var!($size: usize = 0))),*]
        };
    }
    regions! {
        client_0_vaddr client_0_size,
        client_1_vaddr client_1_size,
        client_2_vaddr client_2_size,
        client_3_vaddr client_3_size,
        client_4_vaddr client_4_size,
        client_5_vaddr client_5_size,
        client_6_vaddr client_6_size,
        client_7_vaddr client_7_size,
        client_8_vaddr client_8_size,
        client_9_vaddr client_9_size,
        client_10_vaddr client_10_size,
        client_11_vaddr client_11_size,
        client_12_vaddr client_12_size,
        client_13_vaddr client_13_size,
        client_14_vaddr client_14_size,
        client_15_vaddr client_15_size,
    }
}
