//! `cargo xtask pictures`: takes pictures of the pages in a browser for the documentation.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};
use tempfile::TempDir;

use crate::{
    host::{
        browser::{self, Browser, Scheme},
        run::{run, say},
        workspace,
    },
    vm::guest::programs,
};

/// The recording whose page is in the documentation.
pub(crate) const SHOWN: &str = "tests/recordings/v1-services-fentry.oomtrace";

/// The height of that page down to the ballot, which includes the answer.
const SHOWN_HEIGHT: u32 = 1960;

/// Options of `cargo xtask pictures`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// A page to take pictures of; repeatable (default: the page in docs/ is made, and its pictures go there)
    #[arg(long = "page", value_name = "FILE", requires = "into")]
    pages: Vec<PathBuf>,
    /// The directory for the pictures
    #[arg(long, value_name = "FOLDER")]
    into: Option<PathBuf>,
    /// Width of the window, in CSS pixels
    #[arg(long, default_value_t = 1080)]
    width: u32,
    /// Only the first HEIGHT CSS pixels of the page
    #[arg(long)]
    height: Option<u32>,
}

/// Takes the pictures in light and in dark.
pub(crate) fn task(arguments: &Arguments) -> Result<()> {
    let mut browser = Browser::start(&browser::install()?)?;
    say(&browser.version()?);
    let docs = workspace::root().join("docs");
    let into = arguments.into.as_ref().unwrap_or(&docs);
    for page in &arguments.pages {
        take(&mut browser, page, into, arguments.width, arguments.height)?;
    }
    if arguments.pages.is_empty() {
        let directory = TempDir::new().context("creating a directory for the page")?;
        let page = documented(directory.path())?;
        take(&mut browser, &page, into, arguments.width, arguments.height.or(Some(SHOWN_HEIGHT)))?;
    }
    Ok(())
}

/// The page that the documentation shows.
fn documented(directory: &Path) -> Result<PathBuf> {
    let page = directory.join("report.html");
    let recording = workspace::root().join(SHOWN);
    let mut oomtrace = Command::new(programs::tracer_in(directory)?);
    run(oomtrace.args(["show", "1"]).arg(recording).arg("--html").arg(&page))?;
    Ok(page)
}

fn take(browser: &mut Browser, page: &Path, into: &Path, width: u32, height: Option<u32>) -> Result<()> {
    let name = page.file_stem().context("a page without a name")?.to_string_lossy().into_owned();
    let page = page.canonicalize().with_context(|| format!("looking for {}", page.display()))?;
    for scheme in [Scheme::Light, Scheme::Dark] {
        let picture = browser.open(&page, scheme, width)?.picture(width, height)?;
        let file = into.join(format!("{name}-{}.png", scheme.name()));
        fs::write(&file, picture).with_context(|| format!("writing {}", file.display()))?;
        say(&format!("wrote {}", file.display()));
    }
    Ok(())
}
