//! Addresses and names of kernel symbols. The kernel is asked first; if it does not answer, its list is read.

mod bpf;
mod list;
mod lookup;
mod naming;
mod program;
mod scan;

pub(crate) use self::list::TRAMPOLINES;
use self::lookup::Answer;
pub use self::{
    list::{Finder, List},
    naming::{Call, Naming},
    scan::find,
};

/// The address of the kernel's symbol with exactly this name.
///
/// `None` if it cannot be determined: the kernel was built without data symbols (`CONFIG_KALLSYMS_ALL`), or it hides addresses
/// from this process (`kernel.kptr_restrict`, or no `CAP_SYSLOG`).
#[must_use]
pub fn address(name: &str) -> Option<u64> {
    let [address] = addresses([name]);
    address
}

/// The addresses of several symbols like [`address`]. If the kernel does not answer, its list is read once for all of them.
pub(crate) fn addresses<const N: usize>(names: [&str; N]) -> [Option<u64>; N] {
    let answers = names.map(lookup::ask);
    if answers.contains(&Answer::Refused) {
        // Reading takes 42 ms if the symbol is last or absent. Asking takes 0.2 ms (6.18, 2 cores).
        return scan::addresses(names);
    }
    answers.map(|answer| if let Answer::Address(address) = answer { Some(address) } else { None })
}

/// Whether the kernel has a symbol with exactly this name; `None` if the kernel does not answer. The list is not read for this,
/// because whether a function can be hooked is found by trying it.
#[must_use]
pub fn has(name: &str) -> Option<bool> {
    match lookup::ask(name) {
        Answer::Address(_) => Some(true),
        Answer::Absent => Some(false),
        Answer::Refused => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Answer, address, addresses, has, lookup, scan};

    /// A function, which is in the list even without `CONFIG_KALLSYMS_ALL`, and a name that no kernel has.
    const NAMES: [&str; 3] = ["out_of_memory", "__per_cpu_offset", "oomtrace_has_no_such_symbol"];

    #[test]
    fn kernel_answer_equals_its_list() {
        for name in NAMES {
            let [listed] = scan::addresses([name]);
            match lookup::ask(name) {
                Answer::Address(address) => assert_eq!(Some(address), listed, "{name}"),
                Answer::Absent => assert_eq!(listed, None, "{name}"),
                // Unprivileged, or before 5.16: only the list is left.
                Answer::Refused => {}
            }
            assert_eq!(address(name), listed, "{name}");
            assert!(has(name).is_none_or(|has| has == listed.is_some()), "{name}");
        }
        assert_eq!(addresses(NAMES), NAMES.map(address));
        assert_eq!(scan::addresses(NAMES), NAMES.map(address));
    }

    #[test]
    fn rejects_names_that_do_not_fit() {
        assert_eq!(lookup::ask(""), Answer::Refused);
        assert_eq!(lookup::ask("cut\0off"), Answer::Refused);
        assert_eq!(lookup::ask(&"x".repeat(600)), Answer::Refused);
    }
}
