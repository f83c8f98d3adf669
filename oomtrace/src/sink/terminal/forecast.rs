//! A forecast in one line, which cannot be taken for a kill.

use super::{
    Paint,
    sanitize::{cut, cut_front, sentence},
    units::{boot_seconds, size, span},
};
use crate::forecast::{Announcement, Forecast, Grower};

/// Columns for the path of a cgroup.
const PATH_COLUMNS: usize = 320;

/// Columns for the name of a process: it has at most 15 bytes, so only escapes are cut.
const NAME_COLUMNS: usize = 16;

/// The line.
pub(super) fn line(announcement: &Announcement, paint: Paint) -> String {
    let when = match &announcement.time {
        Some(time) => sentence(time),
        None => format!("boot {}", boot_seconds(announcement.boot_ns)),
    };
    format!("{when} {} {}\n", paint.bold("forecast:"), what(announcement))
}

/// What will run out, when, and why.
pub(crate) fn what(announcement: &Announcement) -> String {
    let what = announcement.cgroup.as_ref().map(|path| cut_front(path.as_bytes(), PATH_COLUMNS));
    let what = what.unwrap_or_else(|| "the machine".to_owned());
    let Forecast { left_ns, bytes_per_second, over_ns, held_bytes, capacity_bytes } = announcement.forecast;
    format!(
        "{what} runs out in {} at its present rate: {} of {} in use, {}/s over the last {}{}",
        span(left_ns),
        size(held_bytes),
        size(capacity_bytes),
        size(bytes_per_second),
        span(over_ns),
        announcement.growers.first().map_or_else(String::new, who)
    )
}

fn who(grower: &Grower) -> String {
    let name = grower.comm.as_ref().map(|comm| cut(comm.as_bytes(), NAME_COLUMNS));
    format!("; {} (pid {}) grew most", name.unwrap_or_else(|| "a process".to_owned()), grower.pid)
}

#[cfg(test)]
mod tests {
    use super::line;
    use crate::{
        context::{self, ProcessHistory},
        forecast::Announcement,
        sink::terminal::Paint,
    };

    const SECOND: u64 = 1_000_000_000;
    const MIB: u64 = 1 << 20;

    fn told() -> context::Forecast {
        context::Forecast {
            horizon_ns: 60 * SECOND,
            memcg: Some(5),
            path: Some("/shop\u{1b}[2J".into()),
            limit_bytes: Some(64 * MIB),
            capacity_bytes: 64 * MIB,
            at_ns: vec![10 * SECOND, 15 * SECOND, 20 * SECOND, 25 * SECOND],
            held_bytes: vec![10 * MIB, 20 * MIB, 30 * MIB, 40 * MIB],
            processes: vec![ProcessHistory {
                pid: 7,
                comm: Some("python3".into()),
                at_ns: vec![15 * SECOND, 25 * SECOND],
                resident_bytes: vec![MIB, 21 * MIB],
                ..ProcessHistory::default()
            }],
        }
    }

    #[test]
    fn shows_domain_time_and_process_of_a_forecast() {
        let announcement = Announcement::new(&told(), None).unwrap();
        let expected = "boot 25.000000 forecast: /shop\\x1b[2J runs out in 12.0 s at its present rate: 40.0 MiB of 64.0 MiB in use, \
                        2.0 MiB/s over the last 15.0 s; python3 (pid 7) grew most\n";
        assert_eq!(line(&announcement, Paint { colour: false }), expected);
    }

    #[test]
    fn the_machine_has_no_path() {
        let machine = context::Forecast { memcg: None, processes: Vec::new(), ..told() };
        let said = line(&Announcement::new(&machine, None).unwrap(), Paint { colour: false });
        assert!(
            said.contains(" forecast: the machine runs out in 12.0 s ") && said.ends_with(" 15.0 s\n"),
            "{said}"
        );
    }
}
