//! The call trace of the trigger: its activity when memory ran out (`show_trace_log_lvl`,
//! <https://github.com/torvalds/linux/blob/v6.12/arch/x86/kernel/dumpstack.c#L185>).

/// One call on the stack.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Call {
    /// `function+0xOFFSET` of the return address, without the function's size.
    pub place: String,
    /// The reliability of the entry.
    pub kind: Kind,
}

/// How a call got into the trace.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// A frame of the stack.
    Sure,
    /// An address on the stack that no frame explains (`?`).
    Guess,
    /// A return probe replaced the return address, so the call is unknown.
    Replaced,
}

/// The function at whose entry the tracer reads the stack.
const OUT_OF_MEMORY: &str = "out_of_memory";
/// Code that tracing inserts between a function and its caller.
const IN_BETWEEN: [&str; 3] = ["bpf_trampoline_", "ftrace_", "arch_ftrace_"];
/// Code to which a function with a return probe returns instead.
const RETURN_PROBES: [&str; 2] = ["arch_rethook_trampoline", "kretprobe_trampoline"];

impl Call {
    /// Parses `? function+0x1a/0x2b [module]`.
    fn parse(line: &str) -> Option<Self> {
        let line = line.trim();
        let (is_guess, call) = line.strip_prefix("? ").map_or((false, line), |call| (true, call));
        let (place, size) = call.split(' ').next()?.rsplit_once('/')?;
        let (function, offset) = place.rsplit_once('+').filter(|_| size.starts_with("0x"))?;
        // A trampoline without a name appears as the end of the function before it.
        let is_replaced = offset == size || RETURN_PROBES.iter().any(|name| function.ends_with(name));
        let kind = match (is_guess, is_replaced) {
            (true, _) => Kind::Guess,
            (false, true) => Kind::Replaced,
            (false, false) => Kind::Sure,
        };
        Some(Self { place: place.to_owned(), kind })
    }

    /// Whether it is in `out_of_memory`, or in the part that the compiler moved to `out_of_memory.cold`.
    fn is_in_out_of_memory(&self) -> bool {
        let rest = self.place.strip_prefix(OUT_OF_MEMORY);
        self.kind == Kind::Sure && rest.is_some_and(|rest| rest.starts_with(['+', '.']))
    }

    fn is_in_between(&self) -> bool {
        IN_BETWEEN.iter().any(|name| self.place.starts_with(name))
    }
}

/// The state of reading a call trace line by line.
#[derive(Debug, Default)]
pub(super) struct Reading {
    is_open: bool,
}

impl Reading {
    /// Reads a line and returns the call on it, if any. The trace ends at the first line that is neither indented nor about
    /// registers.
    pub(super) fn take(&mut self, line: &str) -> Option<Call> {
        // The arm64 kernel writes a small t.
        if line.eq_ignore_ascii_case("Call Trace:") {
            self.is_open = true;
        } else if !line.starts_with(' ') && !is_of_registers(line) {
            self.is_open = false;
        }
        let call = interrupted(line).unwrap_or(line);
        Call::parse(call).filter(|_| self.is_open)
    }
}

/// The function that a fault in the kernel interrupted: `RIP: 0010:__put_user_4+0xd/0x30`. The calls that led there follow. For
/// a fault in user space, this line contains only an address and is the last.
fn interrupted(line: &str) -> Option<&str> {
    let (_, place) = line.strip_prefix("RIP: ")?.split_once(':')?;
    place.contains('+').then_some(place)
}

/// Registers and code at an interruption (`show_iret_regs`, `__show_regs`,
/// <https://github.com/torvalds/linux/blob/v6.12/arch/x86/kernel/process_64.c#L71>).
fn is_of_registers(line: &str) -> bool {
    let name = line.split_once(':').map_or("", |(name, _)| name);
    if name == "RIP" {
        return interrupted(line).is_some();
    }
    let is_general = name.strip_prefix('R').is_some_and(|rest| {
        rest.len() == 2 && rest.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
    });
    is_general || name == "Code"
}

/// The calls that led to `out_of_memory`, innermost first, without the functions that print the report and those that tracing
/// inserted.
pub(super) fn of_trigger(calls: &[Call]) -> Vec<Call> {
    // A trampoline calls the function's body from its beginning, so the function appears twice.
    let entry = calls.iter().rposition(Call::is_in_out_of_memory);
    let callers = calls.iter().skip(entry.map_or(0, |entry| entry + 1));
    callers.filter(|call| !call.is_in_between()).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::{Kind, Reading, of_trigger};

    fn read(lines: &[&str]) -> Vec<(String, Kind)> {
        let mut reading = Reading::default();
        let calls: Vec<_> = lines.iter().filter_map(|line| reading.take(line)).collect();
        of_trigger(&calls).into_iter().map(|call| (call.place, call.kind)).collect()
    }

    fn expected<const N: usize>(calls: [(&str, Kind); N]) -> Vec<(String, Kind)> {
        calls.map(|(place, kind)| (place.to_owned(), kind)).to_vec()
    }

    #[test]
    fn reads_the_callers_of_out_of_memory() {
        let calls = read(&[
            " not_yet+0x1/0x2",
            "Call Trace:",
            " <TASK>",
            " dump_header+0x43/0x1b3",
            " ? out_of_memory+0x1/0x2",
            " out_of_memory+0x217/0x4b0",
            " bpf_trampoline_6442547658+0x76/0x119",
            " out_of_memory.cold+0x5/0x4b0",
            " ext4_alloc.constprop.0+0xfe2/0x1470 [ext4]",
            " ? guess+0x15/0x20",
            " asm_exc_page_fault+0x26/0x30",
            "RIP: 0033:0x7f0e16cd6f10",
            " </TASK>",
            " too_late+0x1/0x2",
        ]);
        let callers = [
            ("ext4_alloc.constprop.0+0xfe2", Kind::Sure),
            ("guess+0x15", Kind::Guess),
            ("asm_exc_page_fault+0x26", Kind::Sure),
        ];
        assert_eq!(calls, expected(callers));
    }

    #[test]
    fn continues_after_a_fault_in_the_kernel() {
        let calls = read(&[
            "Call Trace:",
            " <TASK>",
            " out_of_memory+0x217/0x4b0",
            " asm_exc_page_fault+0x26/0x30",
            "RIP: 0010:__put_user_4+0xd/0x30",
            "Code: 66 89 01 31 c9 <89> 01 31 c9",
            "RSP: 0018:ff68caac0132ff10 EFLAGS: 00040202",
            "RAX: 0000000000000199 RBX: 0000000000000000 RCX: 00005555806586d0",
            "R10: 000000000000000a R11: ff1a25a65d01d000 R12: 0000000000000000",
            " schedule_tail+0x45/0x90",
            " </TASK>",
            "memory: usage 32768kB, limit 32768kB, failcnt 36",
            " too_late+0x1/0x2",
        ]);
        let callers = ["asm_exc_page_fault+0x26", "__put_user_4+0xd", "schedule_tail+0x45"];
        assert_eq!(calls, expected(callers.map(|place| (place, Kind::Sure))));
    }

    #[test]
    fn marks_callers_hidden_by_a_return_probe() {
        let calls = read(&[
            "Call Trace:",
            " out_of_memory+0x48d/0x4b0",
            " trace_clock_x86_tsc+0x20/0x20",
            " __alloc_frozen_pages_noprof+0x367/0x3b0",
            " ? __kretprobe_trampoline+0x0/0x50",
        ]);
        let callers = [
            ("trace_clock_x86_tsc+0x20", Kind::Replaced),
            ("__alloc_frozen_pages_noprof+0x367", Kind::Sure),
            ("__kretprobe_trampoline+0x0", Kind::Guess),
        ];
        assert_eq!(calls, expected(callers));
    }
}
