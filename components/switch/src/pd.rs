//! The protection domain around the switch. Its symbols are those of [`clients::pd`]: regions as `ivc::net` has them, the text as
//! [`switch::config`] has it.

extern crate alloc;

use alloc::vec::Vec;

use clients::pd;
use ivc::net::Port;
use sel4_microkit::{ChannelSet, Handler, Infallible, debug_println, pd_name, protection_domain};
use switch::{
    Station, Switch,
    config::{Config, Problem, Reason},
};

struct Pd(Switch<'static>);

#[protection_domain(heap_size = 0x2_0000)]
fn init() -> Pd {
    let (config, mut problems) = Config::parse(pd::text());
    let mut stations = Vec::new();
    for station in &config.stations {
        let port = pd::client(station.channel).and_then(|region| Port::switch(region).ok());
        match port {
            Some(port) => stations.push(Station { config: station.clone(), port }),
            None => problems.push(Problem { line: station.line, reason: Reason::NoRegion }),
        }
    }
    for problem in problems {
        debug_println!("{}: {problem}", name());
    }
    let mut pd = Pd(Switch::new(stations, &config).counted(&mut pd::statistics()));
    pd.run();
    pd
}

fn name() -> &'static str {
    pd_name().unwrap_or("switch")
}

impl Pd {
    fn run(&mut self) {
        loop {
            let turn = self.0.turn();
            pd::notify(turn.signals);
            for impostor in turn.impostors {
                debug_println!("{}: {impostor} sends under an address that it has not: dropped", name());
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
