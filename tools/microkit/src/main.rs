//! `microkit system.xml --board … --config …`: writes an image and a report, or says everything that is wrong.

use clap::Parser;
use microkit::build;
use microkit::cli::Options;
use microkit::diagnostic::{Diagnostics, Source};
use std::io::IsTerminal;
use std::process::ExitCode;

fn main() -> ExitCode {
    let options = Options::parse();
    let path = options.system.display().to_string();
    let text = match std::fs::read_to_string(&options.system) {
        Ok(text) => text,
        Err(error) => {
            eprintln!("error: `{path}` can't be read: {error}");
            return ExitCode::FAILURE;
        }
    };
    let source = Source { path, text };
    let mut diagnostics = Diagnostics::default();
    let outputs = build::build(&options, &source, &mut diagnostics);
    eprint!("{}", diagnostics.render(&source, std::io::stderr().is_terminal()));
    let Some(outputs) = outputs.filter(|_| !diagnostics.has_errors()) else {
        eprintln!("microkit: {}, no image written", diagnostics.summary());
        return ExitCode::FAILURE;
    };
    match build::write(&options, &outputs) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
