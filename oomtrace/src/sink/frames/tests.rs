use oomtrace_common::{
    event::{Candidate, CandidatesHead, Exit, Memcg, OutOfMemory, Reap, Task},
    frame::{FrameHeader, Kind},
};
use zerocopy::{FromZeros as _, IntoBytes as _};

use super::write;
use crate::{frame::Frame, sink::terminal::example::Broken};

fn line(kind: u16, payload: &[u8]) -> String {
    let len = u32::try_from(payload.len()).unwrap();
    let header = FrameHeader { kind, reserved: 0, len, boot_ns: 12_000_000_345, pass: 0 };
    let mut output = Vec::new();
    write(&mut output, 16, &Frame { header, payload }).unwrap();
    String::from_utf8(output).unwrap()
}

#[test]
fn shows_kernel_frames_as_keys_and_values() {
    let exit = Exit { pid: 812, tid: 815, start_boot_ns: 9, live: 0, reserved: 0 };
    assert_eq!(
        line(10, exit.as_bytes()),
        "        16     12.000000345 Exit              pass=- len=24 pid=812 tid=815 start_boot_ns=9 live=0\n"
    );
    let mut pass = OutOfMemory::new_zeroed();
    pass.trigger = Task { present: Task::PID, pid: 812, tid: 812, ..Task::new_zeroed() };
    pass.trigger.comm[..4].copy_from_slice(b"a\x1b b");
    (pass.gfp_mask, pass.order) = (0xcc0, -1);
    let text = line(1, pass.as_bytes());
    assert!(
        text.contains(" gfp_mask=0xcc0 order=-1 trigger=[present=0x1 pid=812 tid=812 comm=\"a\\x1b b\""),
        "{text}"
    );
    assert!(text.contains(" uid=- ") && text.trim_end().ends_with("swap_exact=-]"), "{text}");
}

#[test]
fn fills_short_payloads_with_zeros_and_shows_the_surplus_of_long_ones() {
    assert!(line(11, &7_i32.to_le_bytes()).ends_with("len=4 tid=7 step=0\n"));
    let long = [Reap { tid: 7, step: 1 }.as_bytes(), b"\x01\xff"].concat();
    assert!(line(11, &long).ends_with("tid=7 step=1 surplus=0x01ff\n"));
    let mut memcg = Memcg::new_zeroed();
    (memcg.present, memcg.name_len) = (Memcg::COUNTERS, -14);
    let text = line(7, memcg.as_bytes());
    assert!(text.contains("name=- present=0x1 usage_pages=0 max_pages=0 high_pages=- "), "{text}");
}

#[test]
fn shows_context_frames_as_json_and_others_as_hex() {
    assert!(
        line(0x103, b"{\"a\":\"\\u001b\",\"b\":\"\xc2\x9b\"}")
            .ends_with("{\"a\":\"\\u001b\",\"b\":\"\\u{9b}\"}\n")
    );
    assert!(line(0x103, b"\xff").ends_with(" Tick              pass=- len=1 0xff\n"));
    assert!(line(0x7f, b"\x01\x02").contains(" 0x7f              pass=- len=2 0x0102"));
}

#[test]
fn handles_every_kind_and_length() {
    for kind in Kind::ALL {
        for len in [0, 1, 7, 500] {
            let text = line(kind.number(), &vec![0xff; len]);
            assert!(text.contains(&format!("{kind:?}")) && text.matches('\n').count() == 1, "{text}");
        }
    }
}

#[test]
fn reports_a_failing_output() {
    let header = FrameHeader { kind: 1, reserved: 0, len: 0, boot_ns: 0, pass: 0 };
    assert!(write(&mut Broken, 0, &Frame { header, payload: &[] }).is_err());
}

#[test]
fn shows_the_counts_and_rows_of_the_table_of_candidates() {
    let mut head = CandidatesHead::new_zeroed();
    (head.head_bytes, head.row_bytes, head.rows, head.kernel_threads) = (32, 104, 2, 70);
    let mut row = Candidate::new_zeroed();
    (row.pid, row.present, row.points) = (812, Candidate::POINTS | Candidate::OOM_SCORE_ADJ, -57_794);
    row.comm[..4].copy_from_slice(b"a\x1b b");
    let bare = Candidate { pid: 5, ..Candidate::new_zeroed() };
    let text = line(12, &[head.as_bytes(), row.as_bytes(), bare.as_bytes()].concat());
    assert!(
        text.contains(" rows=2 first=0 kernel_threads=70 left_out=0 left_out_points=- candidate=["),
        "{text}"
    );
    assert!(
        text.contains(
            "pid=812 comm=\"a\\x1b b\" start_boot_ns=0 uid=- memcg=- oom_score_adj=0 points=-57794 "
        )
    );
    assert!(text.contains("pid=5 comm=\"\" ") || text.contains("pid=5 comm= "), "{text}");
    assert!(
        text.matches(" points=- ").count() == 1 && text.trim_end().ends_with("pgtables_bytes=-]"),
        "{text}"
    );
}
