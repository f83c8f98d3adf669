//! The head of every file: the frames that are sent once and are needed to read the rest.

use std::collections::VecDeque;

use oomtrace_common::frame::Kind;

use crate::{
    context::CGROUPS_KEPT,
    decode::decode,
    event::Event,
    frame::{Frame, context_frame},
    incident::KnownNames,
    recording::{append, records},
};

/// The number of processes that are kept. The source remembers fewer, and reads the others again.
const PROCESSES_KEPT: usize = 64;

/// The latest frame of each kind that is sent only once.
#[derive(Default)]
pub(super) struct Head {
    session: Option<Vec<u8>>,
    clock: Option<Vec<u8>>,
    sysctl: Option<Vec<u8>>,
    loss: Option<Vec<u8>>,
    recorder_loss: Option<Vec<u8>>,
    processes: VecDeque<Vec<u8>>,
    /// The frames, with the number of cgroups in each.
    paths: VecDeque<(Vec<u8>, usize)>,
    /// The names, and the time when they were last sent, `CLOCK_BOOTTIME` ns.
    names: (KnownNames, u64),
}

impl Head {
    /// Remembers records that were written.
    pub(super) fn keep(&mut self, written: &[u8]) {
        for bytes in records(written) {
            if let Ok(frame) = Frame::parse(bytes) {
                self.keep_frame(&frame, bytes);
            }
        }
    }

    fn keep_frame(&mut self, frame: &Frame<'_>, bytes: &[u8]) {
        let kept = || Some(bytes.to_vec());
        match Kind::from_number(frame.header.kind) {
            Some(Kind::Session) => *self = Self { session: kept(), ..Self::default() },
            Some(Kind::Clock) => self.clock = kept(),
            Some(Kind::Sysctl) => self.sysctl = kept(),
            Some(Kind::Loss) => self.loss = kept(),
            Some(Kind::RecorderLoss) => self.recorder_loss = kept(),
            Some(Kind::Process) => {
                if self.processes.len() == PROCESSES_KEPT {
                    self.processes.pop_front();
                }
                self.processes.push_back(bytes.to_vec());
            }
            Some(Kind::CgroupPaths) => self.keep_paths(frame, bytes),
            Some(Kind::Names) => self.keep_names(frame),
            _ => {}
        }
    }

    /// Paths are sent again after this many others, so older ones are not needed.
    fn keep_paths(&mut self, frame: &Frame<'_>, bytes: &[u8]) {
        let Ok(Some(stamped)) = decode(frame) else { return };
        let Event::CgroupPaths(found) = stamped.event else { return };
        self.paths.push_back((bytes.to_vec(), found.paths.len()));
        let mut kept: usize = self.paths.iter().map(|(_, paths)| paths).sum();
        while let Some((_, oldest)) = self.paths.front().filter(|(_, oldest)| kept - oldest >= CGROUPS_KEPT) {
            kept -= oldest;
            self.paths.pop_front();
        }
    }

    /// Keeps names one by one, because a frame may contain new ones and some that were replaced later.
    fn keep_names(&mut self, frame: &Frame<'_>) {
        let Ok(Some(stamped)) = decode(frame) else { return };
        let Event::Names(found) = stamped.event else { return };
        self.names.0.keep(found);
        self.names.1 = stamped.boot_ns;
    }

    /// Records of everything that is kept, the session first; empty before there is a session.
    pub(super) fn records(&self) -> Vec<u8> {
        let mut records = Vec::new();
        if self.session.is_none() {
            return records;
        }
        let once = [&self.session, &self.clock, &self.sysctl, &self.loss, &self.recorder_loss];
        let paths = self.paths.iter().map(|(bytes, _)| bytes);
        for bytes in once.into_iter().flatten().chain(paths).chain(&self.processes) {
            // The frame was written once, so it is not too long.
            let _ = append(bytes, &mut records);
        }
        let (names, told_ns) = &self.names;
        for names in names.one_by_one() {
            let _ = append(&context_frame(Kind::Names, *told_ns, 0, &names), &mut records);
        }
        records
    }
}

#[cfg(test)]
mod tests {
    use oomtrace_common::frame::Kind;
    use serde::Serialize;
    use serde_json::json;

    use super::{CGROUPS_KEPT, Head, PROCESSES_KEPT};
    use crate::{
        context::NAMES_KEPT,
        frame::{Frame, context_frame},
        recording::{append, records},
    };

    fn keep(head: &mut Head, kind: Kind, number: u64, payload: &impl Serialize) {
        let mut written = Vec::new();
        assert!(append(&context_frame(kind, number, 0, payload), &mut written));
        head.keep(&written);
    }

    /// Kinds and numbers of the kept frames.
    fn kept(head: &Head) -> Vec<(Kind, u64)> {
        let records_kept = head.records();
        let frames = records(&records_kept).map(|bytes| Frame::parse(bytes).unwrap().header);
        frames.map(|header| (Kind::from_number(header.kind).unwrap(), header.boot_ns)).collect()
    }

    #[test]
    fn keeps_the_latest_of_each_kind_and_forgets_all_at_a_new_session() {
        let mut head = Head::default();
        keep(&mut head, Kind::Sysctl, 1, &json!({}));
        assert_eq!(kept(&head), [], "no file begins without a session");
        keep(&mut head, Kind::Session, 2, &json!({}));
        for number in 3..6 {
            keep(&mut head, Kind::Clock, number, &json!({ "wall_offset_ns": number }));
            keep(&mut head, Kind::Loss, number, &json!({ "lost": {} }));
            keep(&mut head, Kind::Tick, number, &json!({}));
            keep(&mut head, Kind::Process, number, &json!({ "pid": 1, "tid": 1, "looked_up_ns": 0 }));
        }
        let processes = (3..6).map(|number| (Kind::Process, number));
        assert_eq!(
            kept(&head),
            [(Kind::Session, 2), (Kind::Clock, 5), (Kind::Loss, 5)]
                .into_iter()
                .chain(processes)
                .collect::<Vec<_>>()
        );
        keep(&mut head, Kind::Session, 9, &json!({}));
        assert_eq!(kept(&head), [(Kind::Session, 9)]);
    }

    #[test]
    fn does_not_keep_forever_what_is_sent_again() {
        let mut head = Head::default();
        keep(&mut head, Kind::Session, 0, &json!({}));
        let many = u64::try_from(CGROUPS_KEPT).unwrap();
        for number in 0..many {
            keep(
                &mut head,
                Kind::CgroupPaths,
                number,
                &json!({ "paths": { number.to_string(): "/a", "0": "/" } }),
            );
            keep(&mut head, Kind::Process, number, &json!({}));
        }
        let count = |kind| kept(&head).iter().filter(|(kept, _)| *kept == kind).count();
        assert_eq!(
            (count(Kind::CgroupPaths), count(Kind::Process)),
            (CGROUPS_KEPT.div_ceil(2), PROCESSES_KEPT)
        );
    }

    #[test]
    fn keeps_names_as_long_as_readers_remember_them() {
        let mut head = Head::default();
        keep(&mut head, Kind::Session, 0, &json!({}));
        keep(&mut head, Kind::Names, 1, &json!({ "users": [{ "uid": 1, "name": "alice" }] }));
        for number in 0..u64::try_from(NAMES_KEPT).unwrap() + 9 {
            let container = json!({ "cgroup": format!("/{number}"), "id": "a" });
            keep(&mut head, Kind::Names, number, &json!({ "containers": [container] }));
        }
        let names = kept(&head).into_iter().filter(|(kind, _)| *kind == Kind::Names).count();
        assert_eq!(names, NAMES_KEPT + 1, "the containers, and the user");
    }
}
