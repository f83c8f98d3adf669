//! Names of functions in user space, from the symbols of the executables.
//!
//! The owner of an executable controls it, and a file system may not answer. So a separate thread reads the files, once the decision has
//! been made. It starts before the first kill, because a thread needs memory. The tracing thread never waits for it.

mod elf;
mod reader;

use std::{
    collections::HashMap,
    os::fd::{AsFd as _, BorrowedFd},
};

use oomtrace_common::frame::Kind;

use self::{
    elf::Place,
    reader::{Answer, Found, Job, Reader, Wanted},
};
use super::mappings::Located;
use crate::{
    context::{UserSymbol, UserSymbols},
    frame::context_frame,
    kernel::clock,
};

/// Maximum number of places whose names are remembered. The triggers of many kills are mostly the same.
const REMEMBERED: usize = 256;

/// The tracing thread's side: the names that are known, and the thread that reads more of them.
pub(in crate::source) struct Functions {
    /// The file and the function at a place of a build, for files of the host. There is no function if the file has no symbol for it.
    known: HashMap<(String, Place), UserSymbol>,
    reader: Option<Reader>,
}

impl Functions {
    /// Starts the thread.
    pub(in crate::source) fn new() -> Self {
        Self { known: HashMap::new(), reader: Reader::start() }
    }

    /// Returns a descriptor that becomes readable when the thread has found names.
    pub(in crate::source) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.reader.as_ref().map(|reader| reader.bell().as_fd())
    }

    /// Returns what is known about calls, and requests the rest. `innermost` is the build id and the offset of the innermost call,
    /// which is no return address.
    pub(in crate::source) fn name(
        &mut self,
        (pass, pid): (u64, i32),
        calls: Vec<Located>,
        innermost: Option<(&str, u64)>,
    ) -> UserSymbols {
        let (mut symbols, mut wanted) = (Vec::new(), Vec::new());
        for call in calls {
            let Located { symbol: UserSymbol { build_id, offset, .. }, .. } = &call;
            let is_return = innermost != Some((build_id.as_str(), *offset));
            let place = Place { offset: *offset, is_return };
            let known = self.known.get(&(build_id.clone(), place));
            let known =
                known.filter(|known| known.file.as_ref().is_some_and(|file| call.files.contains(file)));
            symbols
                .extend(known.cloned().or_else(|| call.symbol.file.is_some().then(|| call.symbol.clone())));
            if known.is_none() && !build_id.is_empty() {
                wanted.push(Wanted { call: call.symbol, files: call.files, place });
            }
        }
        let more = !wanted.is_empty() && self.request(Job { pass, pid, wanted });
        UserSymbols { pid, symbols, more }
    }

    /// Passes a job to the thread. Returns whether an answer will come: there is none without a thread, or if the thread is busy with
    /// several jobs.
    fn request(&self, job: Job) -> bool {
        self.reader.as_ref().is_some_and(|reader| reader.request(job))
    }

    /// Appends the files and names that the thread has found, and that it found none.
    pub(in crate::source) fn tell(&mut self, batch: &mut Vec<u8>) {
        let Some(reader) = &self.reader else { return };
        for Answer { pass, pid, found } in reader.answers() {
            let symbols = found.iter().map(|found| found.call.clone()).collect();
            for Found { call, place, .. } in found.into_iter().filter(|found| found.is_own) {
                keep(&mut self.known, call, place);
            }
            let symbols = UserSymbols { pid, symbols, more: false };
            batch.extend(context_frame(Kind::UserSymbols, clock::boot_ns(), pass, &symbols));
        }
    }
}

fn keep(known: &mut HashMap<(String, Place), UserSymbol>, call: UserSymbol, place: Place) {
    if known.len() < REMEMBERED {
        known.insert((call.build_id.clone(), place), call);
    }
}

#[cfg(test)]
mod tests;
