//! `cargo xtask pictures`: the pages as a browser shows them, for the documentation.

use std::{fs, path::PathBuf};

use anyhow::{Context as _, Result};

use crate::{
    browser::{self, Browser, Scheme},
    run::say,
};

/// Width of a picture, in CSS pixels.
const WIDTH: u32 = 1080;

/// Options of `cargo xtask pictures`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// A page to take pictures of; repeatable
    #[arg(long = "page", value_name = "FILE", required = true)]
    pages: Vec<PathBuf>,
    /// The folder that gets them
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    into: PathBuf,
    /// Width of the window, in CSS pixels
    #[arg(long, default_value_t = WIDTH)]
    width: u32,
    /// Only the first so many CSS pixels of the page
    #[arg(long)]
    height: Option<u32>,
}

pub(crate) fn task(arguments: &Arguments) -> Result<()> {
    let mut browser = Browser::start(&browser::install()?)?;
    say(&browser.version()?);
    for page in &arguments.pages {
        for scheme in [Scheme::Light, Scheme::Dark] {
            let file = page.canonicalize().with_context(|| format!("looking for {}", page.display()))?;
            let picture =
                browser.open(&file, scheme, arguments.width)?.picture(arguments.width, arguments.height)?;
            let name = page.file_stem().context("a page without a name")?.to_string_lossy();
            let file = arguments.into.join(format!("{name}-{}.png", scheme.name()));
            fs::write(&file, picture).with_context(|| format!("writing {}", file.display()))?;
            say(&format!("{}", file.display()));
        }
    }
    Ok(())
}
