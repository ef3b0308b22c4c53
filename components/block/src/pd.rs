//! The protection domain around the server. Its symbols, for the system description, beside those of [`clients::pd`] (regions as
//! `ivc::block` has them, text as [`block::config`] has it):
//!
//! | symbol | attribute | what |
//! |---|---|---|
//! | `disk_vaddr`, `disk_size` | `setvar_vaddr`, `setvar_size` | region shared with the disk's driver |
//! | `disk_channel` | `setvar_id` of the `end` | channel to the driver |

extern crate alloc;

use alloc::vec::Vec;

use block::{Client, Server, config};
use clients::pd;
use sel4_microkit::{ChannelSet, Handler, Infallible, debug_println, protection_domain, var};

struct Pd(Server<'static>);

#[protection_domain(heap_size = 0x2_0000)]
fn init() -> Pd {
    let region = pd::region(*var!(disk_vaddr: usize = 0), *var!(disk_size: usize = 0));
    let driver = region.and_then(|region| ivc::block::Client::attach(region).ok());
    let driver = driver.expect("a region shared with the disk's driver");
    let (parts, mut problems) = config::parse(pd::text());
    let mut clients = Vec::new();
    for part in parts {
        let port = pd::client(part.channel).and_then(|region| ivc::block::Server::attach(region).ok());
        match port {
            Some(port) => clients.push(Client { part, port }),
            None => problems.push(config::Problem { line: part.line, reason: config::Reason::NoRegion }),
        }
    }
    let server = Server::new(driver, *var!(disk_channel: usize = 0), clients).counted(&mut pd::statistics());
    assert!(server.is_usable(), "the region shared with the disk's driver has no room for a request");
    let mut pd = Pd(server);
    pd.run(problems);
    pd
}

impl Pd {
    fn run(&mut self, mut problems: Vec<config::Problem>) {
        pd::notify(self.0.turn(&mut problems));
        for problem in problems {
            debug_println!("{}: {problem}", sel4_microkit::pd_name().unwrap_or("block"));
        }
    }
}

impl Handler for Pd {
    type Error = Infallible;

    fn notified(&mut self, _: ChannelSet) -> Result<(), Infallible> {
        self.run(Vec::new());
        Ok(())
    }
}
