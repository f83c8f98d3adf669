//! One incident in the list.

use crate::{bytes::ByteString, explain::Code, report::Report};

/// What the list says of an incident.
pub(super) struct Row {
    pub(super) number: u64,
    pub(super) time: Option<String>,
    pub(super) comm: Option<ByteString>,
    pub(super) pid: Option<i32>,
    pub(super) victims: usize,
    pub(super) resident_bytes: Option<u64>,
    pub(super) place: Option<ByteString>,
    pub(super) cause: Code,
}

impl Row {
    pub(super) fn of(number: u64, report: &Report) -> Self {
        let first = report.victims.first();
        Self {
            number,
            time: report.time.clone(),
            comm: first.and_then(|victim| victim.process.comm.clone()),
            pid: first.and_then(|victim| victim.process.pid),
            victims: report.victims.len(),
            resident_bytes: first.and_then(|victim| victim.memory).map(|memory| memory.resident_bytes()),
            place: super::place(report),
            cause: report.cause.code,
        }
    }
}
