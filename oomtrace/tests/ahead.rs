//! A thread that decodes ahead does not change the reports, and ends when their reader ends.
#![cfg(test)]

use std::{
    cell::RefCell,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    rc::Rc,
};

use oomtrace::{
    pipeline::{Pipeline, PipelineError},
    recording::Reader,
    sink::{Sink, json::Json, terminal::Line},
    source::{Batch, Source, SourceError, replay::Replay},
};

fn recordings() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/recordings");
    let paths = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<_> =
        paths.filter(|path| path.extension().is_some_and(|extension| extension == "oomtrace")).collect();
    found.sort();
    found
}

/// The first frames of a recording.
fn frames(path: &Path) -> Vec<u8> {
    let mut frames = Vec::new();
    source(path).next(None, &mut frames).unwrap();
    frames
}

fn source(path: &Path) -> Replay<File> {
    Replay::new(Reader::new(File::open(path).unwrap()).unwrap())
}

/// Frames of a recording, over and over.
struct Endless(Vec<u8>);

impl Source for Endless {
    fn next(&mut self, _: Option<u64>, batch: &mut Vec<u8>) -> Result<Batch, SourceError> {
        batch.clone_from(&self.0);
        Ok(Batch::Frames)
    }
}

#[derive(Clone, Default)]
struct Shared(Rc<RefCell<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An output that was closed.
struct Closed;

impl Write for Closed {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn road(sinks: Vec<Box<dyn Sink>>) -> Pipeline {
    Pipeline::new(sinks, Box::new(|_| true))
}

fn sinks(output: &Shared) -> Vec<Box<dyn Sink>> {
    vec![Box::new(Json::new(output.clone())), Box::new(Line::new(output.clone(), false))]
}

#[test]
fn a_replay_prints_the_same_bytes() {
    for path in recordings() {
        let (here, ahead) = (Shared::default(), Shared::default());
        let totals = road(sinks(&here)).run(&mut source(&path)).unwrap();
        assert_eq!(road(sinks(&ahead)).replay(&mut source(&path)).unwrap(), totals);
        assert!(!here.0.borrow().is_empty());
        assert!(*here.0.borrow() == *ahead.0.borrow(), "{}", path.display());
    }
}

#[test]
fn ends_when_reports_have_no_reader() {
    let recordings = recordings();
    // Another session ends the incidents of the one before.
    let both: Vec<u8> = recordings.iter().take(2).flat_map(|path| frames(path)).collect();
    let told = road(vec![Box::new(Line::new(Closed, false))]).replay(&mut Endless(both));
    assert!(matches!(told, Err(PipelineError::Output(_))), "{told:?}");
}
