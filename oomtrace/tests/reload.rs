//! Filters that change while the pipeline runs judge an incident from its decision to its end.
#![cfg(test)]

use std::{cell::RefCell, fs::File, io, rc::Rc};

use oomtrace::{
    frame::Frame,
    pipeline::{Exchange, Filters, Pipeline},
    recording::Reader,
    report::Report,
    sink::Sink,
    source::{Batch, Ended, Source, SourceError},
};

/// Three kills that overlap, and a kill of a later run.
const GOLDEN: [&str; 2] = [
    concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/recordings/v1-several-fentry.oomtrace"),
    concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/recordings/v1-oom_group.oomtrace"),
];

/// Recordings whose every frame is a batch of its own.
struct OneByOne(Vec<Vec<u8>>);

impl OneByOne {
    fn read() -> Self {
        let (mut frames, mut bytes) = (Vec::new(), Vec::new());
        for path in GOLDEN {
            let mut reader = Reader::new(File::open(path).unwrap()).unwrap();
            while reader.next(&mut bytes).unwrap() {
                frames.push(std::mem::take(&mut bytes));
            }
        }
        frames.reverse();
        Self(frames)
    }
}

impl Source for OneByOne {
    fn next(&mut self, _: Option<u64>, batch: &mut Vec<u8>) -> Result<Batch, SourceError> {
        batch.clear();
        let Some(frame) = self.0.pop() else { return Ok(Batch::Last(Ended::Recording)) };
        assert_eq!(Frame::each(&frame).count(), 1);
        batch.extend(frame);
        Ok(Batch::Frames)
    }
}

/// The ids of the incidents that a sink received: at the decision, and at the end.
#[derive(Clone, Default)]
struct Seen(Rc<RefCell<(Vec<String>, Vec<String>)>>);

impl Sink for Seen {
    fn hears_decisions(&self) -> bool {
        true
    }

    fn decided(&mut self, report: &Report) -> io::Result<()> {
        self.0.borrow_mut().0.push(report.id.clone());
        Ok(())
    }

    fn closed(&mut self, report: &Report) -> io::Result<()> {
        self.0.borrow_mut().1.push(report.id.clone());
        Ok(())
    }
}

/// Runs the recording. Returns the incidents that were decided and closed, and how often filters could be exchanged.
fn run(exchange: impl Fn(u64, &mut Filters) + 'static) -> (Vec<String>, Vec<String>, u64) {
    let (seen, calls) = (Seen::default(), Rc::new(RefCell::new(0)));
    let counted = Rc::clone(&calls);
    let exchange: Exchange = Box::new(move |filters| {
        *counted.borrow_mut() += 1;
        exchange(*counted.borrow(), filters);
    });
    let pipeline = Pipeline::new(vec![Box::new(seen.clone())], Box::new(|_| true));
    pipeline.exchanging(Some(exchange)).run(&mut OneByOne::read()).unwrap();
    let (decided, closed) = seen.0.take();
    let calls = *calls.borrow();
    (decided, closed, calls)
}

#[test]
fn one_set_of_filters_judges_an_incident() {
    let (decided, closed, calls) = run(|_, _| {});
    let frames = u64::try_from(OneByOne::read().0.len()).unwrap();
    assert_eq!(closed.len(), 4);
    assert!(calls > 0 && calls < frames, "{calls} exchanges in {frames} frames");
    let sorted = |ids: &[String]| {
        let mut ids = ids.to_vec();
        ids.sort();
        ids.dedup();
        ids
    };
    let mut shown = Vec::new();
    // From each possible moment on, the filters reject all reports.
    for moment in 1..=calls {
        let (decided, closed, _) = run(move |call, filters| {
            if call == moment {
                filters.reports = Box::new(|_| false);
            }
        });
        assert_eq!(sorted(&decided), sorted(&closed), "moment {moment}");
        shown.push(closed.len());
    }
    assert!(shown.is_sorted() && shown.contains(&0) && shown.contains(&3), "{shown:?}");
    assert_eq!(sorted(&decided), sorted(&closed));
}
