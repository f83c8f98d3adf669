//! Durations of decisions from the kernel's function graph. The tracer is not involved in the measurement.

use std::fs;

use anyhow::{Context, Result};

/// The directory with the files that control the measurement.
const TRACING: &str = "/sys/kernel/tracing";
/// The measured functions: the callers of `out_of_memory` for a cgroup and for SysRq-f, which do little else. The tracer's hooks are on
/// functions inside them, so that no function has both a hook and the measurement.
/// <https://github.com/torvalds/linux/blob/v6.12/mm/memcontrol.c#L1639>
/// <https://github.com/torvalds/linux/blob/v6.12/drivers/tty/sysrq.c#L381>
const FUNCTIONS: [&str; 2] = ["mem_cgroup_out_of_memory", "moom_callback"];

/// The files and the values to write to them, in order, after the functions are chosen.
const SET_UP: [(&str, &str); 4] = [
    ("max_graph_depth", "1"),
    ("current_tracer", "function_graph"),
    // Exclude the time of other tasks. With one processor, the tracer in user space is one of them.
    ("options/sleep-time", "0"),
    ("tracing_on", "1"),
];

/// A measurement of durations that starts now and ends on drop.
pub(super) struct Durations;

impl Durations {
    pub(super) fn from_now(of_machine: bool) -> Result<Self> {
        let [of_cgroup, of_sysrq] = FUNCTIONS;
        write("set_ftrace_filter", if of_machine { of_sysrq } else { of_cgroup })?;
        SET_UP.iter().try_for_each(|(file, value)| write(file, value))?;
        Ok(Self)
    }

    /// Discard the calls so far.
    pub(super) fn forget(&self) -> Result<()> {
        write("trace", "")
    }

    /// The durations of all calls since the start or the last `forget`, in ns.
    pub(super) fn seen(&self) -> Result<Vec<u64>> {
        let file = format!("{TRACING}/trace");
        let text = fs::read_to_string(&file).with_context(|| format!("reading {file}"))?;
        Ok(text.lines().filter_map(duration_ns).collect())
    }
}

impl Drop for Durations {
    fn drop(&mut self) {
        if let Err(error) = write("current_tracer", "nop") {
            eprintln!("guest: {error:#}");
        }
    }
}

fn write(file: &str, value: &str) -> Result<()> {
    let file = format!("{TRACING}/{file}");
    fs::write(&file, value).with_context(|| format!("writing {value} to {file}"))
}

/// Parses ` 0) # 1234.567 us |  FUNCTION();`. Long durations have fewer digits after the point.
fn duration_ns(line: &str) -> Option<u64> {
    let (before, after) = line.split_once(" us ")?;
    if !FUNCTIONS.iter().any(|function| after.contains(function)) {
        return None;
    }
    let number = before.rsplit(' ').next()?;
    let (us, part) = number.split_once('.').unwrap_or((number, ""));
    let part: u64 = format!("{part:0<3}").parse().ok()?;
    Some(us.parse::<u64>().ok()? * 1000 + part)
}

#[cfg(test)]
mod tests {
    use super::duration_ns;

    #[test]
    fn parses_short_and_long_durations() {
        let of = |line: &str| duration_ns(line);
        assert_eq!(of(" 0)   0.651 us    |  mem_cgroup_out_of_memory();"), Some(651));
        assert_eq!(of(" 1) # 1234.567 us |  mem_cgroup_out_of_memory();"), Some(1_234_567));
        assert_eq!(of(" 0) @ 123456.7 us |  mem_cgroup_out_of_memory(); /* = 0x1 */"), Some(123_456_700));
        assert_eq!(of(" 0) $ 12345678 us |  mem_cgroup_out_of_memory();"), Some(12_345_678_000));
        assert_eq!(of(" 0)   0.651 us    |  somebody_else();"), None);
        assert_eq!(of("# CPU  DURATION                  FUNCTION CALLS"), None);
    }
}
