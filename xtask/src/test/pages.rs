//! The pages in a real browser: the rendered page must equal the JSON, in light and in dark, and must load and run nothing.

mod account;
mod bite;
mod incident;
mod overview;
mod recordings;
mod sober;
mod units;

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tempfile::TempDir;

use super::{Tally, local::Local};
use crate::{
    host::{
        browser::{self, Browser, Scheme},
        run::{output, say},
        scratch,
    },
    vm::guest::programs,
};

/// The reader's possible preferences.
pub(super) const SCHEMES: [Scheme; 2] = [Scheme::Light, Scheme::Dark];

/// Width of the window, in CSS pixels.
const WIDTH: u32 = 1080;

/// Run the tests.
pub(crate) fn run(tally: &mut Tally) {
    let browser = match browser::install() {
        Ok(program) => program,
        Err(error) => return tally.skip("pages in a real browser", format!("no browser: {error:#}")),
    };
    match Pages::new(&browser) {
        Ok(mut pages) => pages.tests(tally),
        Err(error) => tally.count("pages in a real browser", Err(error)),
    }
}

/// A browser, the program under test, and a directory for its pages.
struct Pages {
    browser: Browser,
    tracer: PathBuf,
    folder: TempDir,
}

impl Pages {
    fn new(program: &Path) -> Result<Self> {
        let mut browser = Browser::start(program)?;
        say(&browser.version()?);
        let folder = TempDir::new().context("creating a directory for pages")?;
        let tracer = programs::tracer_in(folder.path())?;
        Ok(Self { browser, tracer, folder })
    }

    fn tests(&mut self, tally: &mut Tally) {
        match recordings::kept() {
            Ok(kept) => {
                for (name, recording) in kept {
                    tally.count(&format!("the pages of {name} in a browser"), self.recording(&recording));
                }
            }
            Err(error) => tally.count("the pages of golden recordings in a browser", Err(error)),
        }
        let name = "detects a page that shows another number than the JSON";
        tally.count(name, bite::bites(self));
        let Some(hierarchy) = scratch::hierarchy() else {
            return tally.skip(
                "the pages of kills on this machine in a browser",
                "no cgroup hierarchy with the memory controller can be written",
            );
        };
        match Local::new(hierarchy) {
            Ok(local) => self.real_kills(&local, tally),
            Err(error) => tally.count("the pages of kills on this machine in a browser", Err(error)),
        }
    }

    fn real_kills(&mut self, local: &Local, tally: &mut Tally) {
        let name = "the page of a kill on this machine in a browser";
        tally.count(name, recordings::of_kill(local).and_then(|file| self.recording(&file)));
        let name = "a page of names that look like markup in a browser";
        tally.count(name, recordings::of_markup(local).and_then(|file| self.markup(&file)));
        let name = "the overview of kills on this machine in a browser";
        tally.count(name, recordings::of_several(local).and_then(|file| self.overview(&file)));
    }

    /// Compares the page of each incident with its JSON.
    fn recording(&mut self, recording: &Path) -> Result<()> {
        let reports = self.asked(&["show"], recording)?;
        ensure!(!reports.is_empty(), "{} contains no incident", recording.display());
        for (number, report) in (1..).zip(&reports) {
            let file = self.page(&["show", &format!("{number}")], recording)?;
            for scheme in SCHEMES {
                let mut page = self.browser.open(&file, scheme, WIDTH)?;
                incident::judge(&mut page, report)
                    .and_then(|()| sober::judge(&mut page, &file))
                    .with_context(|| format!("incident {number}, {}", scheme.name()))?;
            }
            sober::schemes_differ(&mut self.browser, &file)?;
        }
        Ok(())
    }

    fn markup(&mut self, recording: &Path) -> Result<()> {
        let reports = self.asked(&["show"], recording)?;
        let report = reports.first().context("no report of the kill")?;
        for what in [&["show", "1"][..], &["list"]] {
            let file = self.page(what, recording)?;
            let mut page = self.browser.open(&file, Scheme::Light, WIDTH)?;
            sober::judge(&mut page, &file)?;
            let text = page.text_of("main")?;
            for name in [recordings::MARKUP_COMM, recordings::MARKUP_CGROUP] {
                ensure!(text.contains(name), "the page does not show {name}: {text}");
            }
            let count = page.evaluate("document.querySelectorAll('img, b.x').length")?;
            ensure!(count == 0, "names created {count} elements");
        }
        let json = report.to_string();
        ensure!(json.contains(recordings::MARKUP_COMM), "the kill has another name: {json}");
        Ok(())
    }

    fn overview(&mut self, recording: &Path) -> Result<()> {
        let rows = self.asked(&["list"], recording)?;
        let reports = self.asked(&["show"], recording)?;
        let file = self.page(&["list"], recording)?;
        for scheme in SCHEMES {
            let mut page = self.browser.open(&file, scheme, WIDTH)?;
            overview::judge(&mut page, &rows, &reports)
                .and_then(|()| sober::judge(&mut page, &file))
                .with_context(|| format!("the overview, {}", scheme.name()))?;
        }
        sober::schemes_differ(&mut self.browser, &file)
    }

    /// The JSON objects that a command prints about a recording, one per line.
    fn asked(&self, command: &[&str], recording: &Path) -> Result<Vec<Value>> {
        let text =
            output(Command::new(&self.tracer).args(command).arg(recording).args(["--format", "json"]))?;
        text.lines().map(|line| serde_json::from_str(line).with_context(|| line.to_owned())).collect()
    }

    /// The page that a command writes about a recording.
    fn page(&self, command: &[&str], recording: &Path) -> Result<PathBuf> {
        let file = self.folder.path().join(format!("{}.html", command.join("-")));
        output(Command::new(&self.tracer).args(command).arg(recording).arg("--html").arg(&file))?;
        Ok(file)
    }
}
