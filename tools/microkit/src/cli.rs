//! The command line: upstream's, and more.

use crate::diagram::Form;
use clap::{Parser, ValueEnum};
use std::path::PathBuf;

/// Turns a system description into a bootable image.
#[derive(Debug, Clone, Parser)]
#[command(name = "microkit", version)]
pub struct Options {
    /// The system description.
    pub system: PathBuf,
    /// Where the image goes.
    #[arg(short, long, default_value = "loader.img")]
    pub output: PathBuf,
    /// Where the report goes.
    #[arg(short, long, default_value = "report.txt")]
    pub report: PathBuf,
    /// Where the report for programs goes [default: beside the report, as `.json`].
    #[arg(long, value_name = "FILE")]
    pub report_json: Option<PathBuf>,
    /// The board that the system is for.
    #[arg(long)]
    pub board: String,
    /// The configuration: debug, release, benchmark, or one of these with `smp-` before it.
    #[arg(long)]
    pub config: String,
    /// Folders in which programs and data are looked for; the current one always is.
    #[arg(long, num_args = 1..)]
    pub search_path: Vec<PathBuf>,
    /// The kind of image.
    #[arg(long, value_enum, default_value = "binary")]
    pub image_type: ImageType,
    /// Refuses what the format of Microkit 2.3 does not have.
    #[arg(long)]
    pub strict: bool,
    /// A kernel other than the SDK's, for debugging.
    #[arg(long, value_name = "KERNEL")]
    pub override_kernel: Option<PathBuf>,
    /// Writes the specification for the initialiser as JSON.
    #[arg(long, value_name = "FILE")]
    pub capdl_json: Option<PathBuf>,
    /// Writes what each protection domain may do into this folder, for the Viper verification language.
    #[arg(long, value_name = "FOLDER")]
    pub viper_output: Option<PathBuf>,
    /// Draws the system into this file, by its ending as SVG or as an HTML page that can be searched.
    #[arg(long, value_name = "FILE.svg|FILE.html", value_parser = diagram)]
    pub diagram: Vec<PathBuf>,
    /// The SDK's folder [default: $MICROKIT_SDK, else the one above the tool's].
    #[arg(long)]
    pub sdk: Option<PathBuf>,
}

impl Options {
    /// Where the report for programs goes.
    pub fn report_json(&self) -> PathBuf {
        self.report_json.clone().unwrap_or_else(|| {
            let beside = self.report.with_extension("json");
            // Both in one file would be neither.
            if beside == self.report { beside.with_extension("report.json") } else { beside }
        })
    }
}

/// A file for a picture.
fn diagram(path: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(path);
    Form::of(&path).map(|_| path).ok_or_else(|| "a picture's file ends in `.svg` or `.html`".to_owned())
}

/// A kind of image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ImageType {
    /// Memory as it is loaded.
    Binary,
    /// An ELF file.
    Elf,
}
