//! The protection domain around the server. Its symbols, for the system description:
//!
//! | symbol | attribute | what |
//! |---|---|---|
//! | `terminal_vaddr`, `terminal_size` | `setvar_vaddr`, `setvar_size` | region shared with the UART's driver |
//! | `terminal_channel` | `setvar_id` of the `end` | channel to the UART's driver |
//! | `remote_vaddr`, `remote_size` | `setvar_vaddr`, `setvar_size` | region shared with the driver of the line to terminals elsewhere; may be absent |
//! | `remote_channel` | `setvar_id` of the `end` | channel to that driver |
//! | `clients_vaddr`, `clients_size` | `setvar_vaddr`, `setvar_prefill_size` | the clients, see [`console::config`] |
//! | `statistics_vaddr`, `statistics_size` | `setvar_vaddr`, `setvar_size` | the table of its counters ([`ivc::statistics`]); may be absent |
//! | `client_N_vaddr`, `client_N_size` | `setvar_vaddr`, `setvar_size` | region shared with the client on channel N, 0 to 15 |

use clients::pd::{client, notify, region, statistics, text};
use console::config::Config;
use console::{Client, Console};
use ivc::console::Port;
use sel4_microkit::{ChannelSet, Handler, Infallible, protection_domain, var};

/// Output kept of each client.
const HISTORY: usize = 32 * 1024;

struct Pd(Console<'static>);

#[protection_domain(heap_size = 0xa_0000)]
fn init() -> Pd {
    let terminal = Client {
        channel: *var!(terminal_channel: usize = 0),
        port: port(*var!(terminal_vaddr: usize = 0), *var!(terminal_size: usize = 0))
            .expect("a region shared with the terminal's driver"),
    };
    let (mut config, mut problems) = Config::parse(text());
    let clients = config.connect(&mut problems, |channel| Port::server(client(channel)?).ok());
    let mut console = Console::new(terminal, clients, &config, &problems, HISTORY).counted(&mut statistics());
    if let Some(port) = port(*var!(remote_vaddr: usize = 0), *var!(remote_size: usize = 0)) {
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
            notify(turn.signals);
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

/// The line to a driver over the region at `vaddr`, if the description maps one there and it has room.
fn port(vaddr: usize, size: usize) -> Option<Port<'static>> {
    Port::client(region(vaddr, size)?).ok()
}
