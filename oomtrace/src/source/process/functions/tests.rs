use oomtrace_common::{event::UserCall, frame::FrameHeader};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::Functions;
use crate::{
    bytes::ByteString,
    context::{UserSymbol, UserSymbols},
    incident::build_id,
    source::process::mappings::{self, Located},
};

/// A call in this test, with the build id of its executable; `None` if the linker wrote no build id.
fn own_call() -> Option<Located> {
    let place = u64::try_from((own_call as *const ()).expose_provenance()).unwrap();
    let pid = i32::try_from(std::process::id()).unwrap();
    let call = UserCall { status: UserCall::IP, build_id: [0; 20], place };
    let mut located = mappings::locate(pid, &[call]).remove(0);
    let own = std::fs::read("/proc/self/exe").unwrap();
    let mark = b"\x04\0\0\0\x14\0\0\0\x03\0\0\0GNU\0";
    let note = own.windows(mark.len()).position(|bytes| bytes == mark)? + mark.len();
    located.symbol.address = None;
    located.symbol.build_id = build_id(&own[note..][..20]);
    Some(located)
}

fn own_pid() -> i32 {
    i32::try_from(std::process::id()).unwrap()
}

/// Requests names and waits for the thread's frame.
fn told(functions: &mut Functions, call: &Located, pid: i32) -> Vec<UserSymbol> {
    let innermost = (call.symbol.build_id.as_str(), call.symbol.offset);
    assert!(functions.name((3, pid), vec![call.clone()], Some(innermost)).more);
    let bell = functions.descriptor().unwrap();
    let timeout = Timespec { tv_sec: 30, tv_nsec: 0 };
    assert_eq!(poll(&mut [PollFd::from_borrowed_fd(bell, PollFlags::IN)], Some(&timeout)), Ok(1));
    let mut batch = Vec::new();
    functions.tell(&mut batch);
    let told: UserSymbols = serde_json::from_slice(&batch[size_of::<FrameHeader>()..]).unwrap();
    assert!(!told.more);
    told.symbols
}

#[test]
fn names_a_call_in_another_thread_and_remembers_it() {
    let Some(call) = own_call() else { return };
    let mut functions = Functions::new();
    let named = told(&mut functions, &call, own_pid());
    assert!(named[0].symbol.as_ref().unwrap().contains("own_call"), "{named:?}");
    let innermost = (call.symbol.build_id.clone(), call.symbol.offset);
    let again = functions.name((4, 1), vec![call], Some((innermost.0.as_str(), innermost.1)));
    assert_eq!(again, UserSymbols { pid: 1, symbols: named, more: false });
}

#[test]
fn takes_the_file_with_the_build_id() {
    let Some(mut call) = own_call() else { return };
    let own = call.symbol.file.take();
    call.files.insert(0, ByteString::from("/bin/sh"));
    let named = told(&mut Functions::new(), &call, own_pid());
    assert_eq!(named[0].file, own);
    assert!(named[0].symbol.is_some());
}

#[test]
fn finds_the_file_of_a_process_that_has_exited() {
    let Some(call) = own_call() else { return };
    assert!(told(&mut Functions::new(), &call, i32::MAX)[0].symbol.is_some());
}

#[test]
fn names_nothing_from_another_build() {
    let Some(mut call) = own_call() else { return };
    call.symbol.build_id = "9d3b".to_owned();
    let mut functions = Functions::new();
    assert_eq!(told(&mut functions, &call, own_pid()), []);
    assert!(functions.known.is_empty(), "the right file may be found next time");
}

#[test]
fn opens_no_device_and_follows_no_link() {
    let Some(mut call) = own_call() else { return };
    call.files = ["/dev/null", "/proc/self/exe", "/", "relative"].map(ByteString::from).to_vec();
    assert_eq!(told(&mut Functions::new(), &call, own_pid()), []);
}
