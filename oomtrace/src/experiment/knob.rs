//! The kernel's settings that an experiment may change: their files, their values, and their risks for the machine.

use std::path::{Path, PathBuf};

/// The values that a setting accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// A whole number within these bounds.
    Number(i64, i64),
    /// A size in bytes, or `max`.
    Size,
    /// A size in a file of version 1, which uses -1 instead of `max`.
    /// <https://github.com/torvalds/linux/blob/v6.12/mm/memcontrol-v1.c#L2503> (`mem_cgroup_write`)
    SizeOfV1,
    /// A number whose bits are switches, or `y` or `n` for all of them.
    /// <https://github.com/torvalds/linux/blob/v6.12/mm/vmscan.c#L5159> (`enabled_store`)
    Switches,
    /// Any value that the kernel accepts.
    Any,
}

/// A known sysctl: its name, its values, and its risk for the machine, if any.
struct Known {
    name: &'static str,
    takes: Takes,
    risk: Option<&'static str>,
}

const fn known(name: &'static str, takes: Takes, risk: Option<&'static str>) -> Known {
    Known { name, takes, risk }
}

const INT: i64 = 0x7fff_ffff;
const OVERCOMMIT: Option<&str> =
    Some("it affects every process of this machine: an allocation may fail, and a daemon may then exit");
const RESERVE: Option<&str> = Some(
    "processes can use less memory: reclaim starts earlier for all of them, and with a large value the kernel kills \
     processes to get it",
);

/// The kernel's bounds: <https://github.com/torvalds/linux/blob/v6.12/kernel/sysctl.c#L2020> (`vm_table`; later kernels have
/// the tables next to the settings).
static SYSCTLS: &[Known] = &[
    known(
        "vm.oom_kill_allocating_task",
        Takes::Number(-INT - 1, INT),
        Some(
            "it matters only if the machine itself runs out (a cgroup's OOM ignores it). With 1, the process that happens to \
             allocate is then killed, even if it is sshd or a database",
        ),
    ),
    known(
        "vm.panic_on_oom",
        Takes::Number(0, 2),
        Some("with 1 or 2 the next OOM panics the kernel, and the machine stops"),
    ),
    known("vm.oom_dump_tasks", Takes::Number(-INT - 1, INT), None),
    known("vm.overcommit_memory", Takes::Number(0, 2), OVERCOMMIT),
    known("vm.overcommit_ratio", Takes::Number(0, INT), OVERCOMMIT),
    known("vm.overcommit_kbytes", Takes::Number(0, i64::MAX), OVERCOMMIT),
    known("vm.admin_reserve_kbytes", Takes::Number(0, i64::MAX), OVERCOMMIT),
    known("vm.user_reserve_kbytes", Takes::Number(0, i64::MAX), OVERCOMMIT),
    known("vm.min_free_kbytes", Takes::Number(0, INT), RESERVE),
    known("vm.watermark_scale_factor", Takes::Number(1, 3000), RESERVE),
    known("vm.watermark_boost_factor", Takes::Number(0, INT), None),
    known("vm.swappiness", Takes::Number(0, 200), None),
    known("vm.vfs_cache_pressure", Takes::Number(0, INT), None),
    known("vm.page-cluster", Takes::Number(0, 31), None),
];

/// The directory of the sysctls for memory.
const SYSCTL_VM: &str = "/proc/sys/vm";

/// The directory of the kernel's other memory settings.
const KERNEL_MM: &str = "/sys/kernel/mm";

const LRU_GEN: &str = "/sys/kernel/mm/lru_gen/";

/// Pairs of settings: writing one sets the other to 0, so the one that was not 0 must be restored.
/// <https://github.com/torvalds/linux/blob/v6.12/mm/util.c#L830> (`overcommit_kbytes_handler`)
const PAIRS: [(&str, &str); 3] = [
    ("/proc/sys/vm/overcommit_ratio", "/proc/sys/vm/overcommit_kbytes"),
    ("/proc/sys/vm/dirty_ratio", "/proc/sys/vm/dirty_bytes"),
    ("/proc/sys/vm/dirty_background_ratio", "/proc/sys/vm/dirty_background_bytes"),
];

/// The other half of a pair.
#[must_use]
pub fn counterpart(path: &Path) -> Option<PathBuf> {
    PAIRS.iter().find_map(|(one, other)| match path {
        path if path == Path::new(one) => Some(PathBuf::from(other)),
        path if path == Path::new(other) => Some(PathBuf::from(one)),
        _ => None,
    })
}

/// Finds the file of a knob: a sysctl of memory by its dotted name, or the absolute path of one, of a file below
/// `/sys/kernel/mm`, or of a setting of a memory cgroup. Only these are ever set or restored. Other settings do not affect
/// memory, and some of them (`kernel.core_pattern`, `release_agent`) run programs as root.
///
/// # Errors
///
/// A message, if the name is none of these.
pub fn place(name: &str, hierarchy: Option<&Path>) -> Result<PathBuf, String> {
    let path = if name.starts_with('/') { PathBuf::from(name) } else { sysctl_path(name)? };
    let climbs = path.components().any(|part| part == std::path::Component::ParentDir);
    let is_below = |directory: &&str| path.starts_with(directory) && path != Path::new(directory);
    let is_setting = [SYSCTL_VM, KERNEL_MM].iter().any(is_below);
    let is_cgroups = hierarchy.is_some_and(|mount| path.starts_with(mount)) && cgroup_file(&path).is_some();
    if climbs || !(is_setting || is_cgroups) {
        return Err(format!(
            "`{name}` is not a knob; knobs are sysctls `vm.…`, files below /sys/kernel/mm and limits of memory cgroups"
        ));
    }
    Ok(path)
}

fn sysctl_path(name: &str) -> Result<PathBuf, String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let parts: Vec<&str> = name.split('.').collect();
    let is_name = parts.len() > 1 && parts.iter().all(|part| !part.is_empty() && part.bytes().all(plain));
    let wrong = || format!("`{name}` is neither a sysctl such as \"vm.swappiness\" nor an absolute path");
    is_name.then(|| Path::new("/proc/sys").join(parts.join("/"))).ok_or_else(wrong)
}

/// The values that a knob accepts.
#[must_use]
pub fn takes(path: &Path) -> Takes {
    if let Some(known) = sysctl(path) {
        return known.takes;
    }
    if path == Path::new(LRU_GEN).join("min_ttl_ms") {
        return Takes::Number(0, i64::MAX);
    }
    if path == Path::new(LRU_GEN).join("enabled") {
        return Takes::Switches;
    }
    cgroup_file(path).map_or(Takes::Any, |(_, takes)| takes)
}

/// The part of a file's content that must be written to set it again: for `always [madvise] never` the word in brackets.
#[must_use]
pub fn value(said: &str) -> &str {
    let chosen = |word: &&str| word.starts_with('[') && word.ends_with(']');
    match (choices(said), said.split_whitespace().find(chosen)) {
        (Some(_), Some(chosen)) => chosen.trim_matches(['[', ']']),
        (None, _) | (_, None) => said.trim(),
    }
}

/// The values that a file offers, if it lists them with the current one in brackets.
/// <https://github.com/torvalds/linux/blob/v6.12/mm/huge_memory.c#L290> (`enabled_show`)
#[must_use]
pub fn choices(said: &str) -> Option<Vec<&str>> {
    let words: Vec<&str> = said.split_whitespace().collect();
    let bare: Vec<&str> = words.iter().map(|word| word.trim_matches(['[', ']'])).collect();
    let chosen = words.iter().zip(&bare).filter(|(word, bare)| **word == format!("[{bare}]")).count();
    let plain = |word: &&str| word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+-".contains(&byte));
    (words.len() > 1 && chosen == 1 && bare.iter().all(plain)).then_some(bare)
}

/// The risk for the machine, or `None` if there is none worth mentioning.
#[must_use]
pub fn risk(path: &Path) -> Option<&'static str> {
    if let Some(known) = sysctl(path) {
        return known.risk;
    }
    if path.starts_with(LRU_GEN) {
        let ttl = path.ends_with("min_ttl_ms");
        return ttl.then_some(
            "the kernel kills a process whenever it cannot keep this much of the working set in memory",
        );
    }
    if path.ends_with("memory.swappiness") {
        return None;
    }
    Some(match cgroup_file(path) {
        Some(_) => {
            "the cgroup does not belong to the experiment, and with less memory its processes may be killed"
        }
        None => "oomtrace does not know its effect on the machine",
    })
}

fn sysctl(path: &Path) -> Option<&'static Known> {
    let name = path.strip_prefix("/proc/sys").ok()?.to_str()?.replace('/', ".");
    SYSCTLS.iter().find(|known| known.name == name)
}

/// The files of a scratch cgroup that can be set, by hierarchy ("v2", "v1").
/// <https://github.com/torvalds/linux/blob/v6.12/mm/memcontrol.c#L4300> (`memory_files`)
static CGROUP_FILES: &[(&str, &str, Takes)] = &[
    ("memory.min", "v2", Takes::Size),
    ("memory.low", "v2", Takes::Size),
    ("memory.high", "v2", Takes::Size),
    ("memory.max", "v2", Takes::Size),
    ("memory.oom.group", "v2", Takes::Number(0, 1)),
    ("memory.swap.high", "v2", Takes::Size),
    ("memory.swap.max", "v2", Takes::Size),
    ("memory.zswap.max", "v2", Takes::Size),
    ("memory.limit_in_bytes", "v1", Takes::SizeOfV1),
    ("memory.memsw.limit_in_bytes", "v1", Takes::SizeOfV1),
    ("memory.soft_limit_in_bytes", "v1", Takes::SizeOfV1),
    ("memory.swappiness", "v1", Takes::Number(0, 200)),
    ("memory.oom_control", "v1", Takes::Number(0, 1)),
];

fn cgroup_file(path: &Path) -> Option<(&'static str, Takes)> {
    let name = path.file_name()?.to_str()?;
    CGROUP_FILES.iter().find(|(file, ..)| *file == name).map(|(_, hierarchy, takes)| (*hierarchy, *takes))
}

/// The file of a scratch cgroup for a name on this hierarchy ("v2" or "v1"). On v1 `memory.max` means `memory.limit_in_bytes`.
///
/// # Errors
///
/// A message, if there is none.
pub fn file_of_cgroup(name: &str, hierarchy: &str) -> Result<(&'static str, Takes), String> {
    let name = if hierarchy == "v1" && name == "memory.max" { "memory.limit_in_bytes" } else { name };
    match CGROUP_FILES.iter().find(|(file, ..)| *file == name) {
        Some((file, of, takes)) if *of == hierarchy => Ok((file, *takes)),
        Some((_, of, _)) => Err(format!(
            "`{name}` is a file of cgroup {of}, and this machine has its memory controller on {hierarchy}"
        )),
        None => {
            let known = CGROUP_FILES.iter().filter(|(_, of, _)| *of == hierarchy).map(|(file, ..)| *file);
            let known: Vec<&str> = known.collect();
            Err(format!("a cgroup has no file `{name}` that can be set here; there are {}", known.join(", ")))
        }
    }
}

impl Takes {
    /// The text to write for a value; sizes become bytes.
    ///
    /// # Errors
    ///
    /// A message, if the kernel would reject it.
    pub fn written(self, value: &str) -> Result<String, String> {
        match self {
            Self::Any => Ok(value.to_owned()),
            Self::Size if value == "max" => Ok(value.to_owned()),
            Self::SizeOfV1 if value == "max" || value == "-1" => Ok("-1".to_owned()),
            Self::Size | Self::SizeOfV1 => {
                let bytes = crate::size::bytes(value);
                Ok(bytes
                    .map_err(|_| format!("needs a size such as \"64M\", or \"max\", not `{value}`"))?
                    .to_string())
            }
            Self::Switches => {
                let digits = value.strip_prefix("0x").map_or((value, 10), |digits| (digits, 16));
                let is_number = u32::from_str_radix(digits.0, digits.1).is_ok();
                let is_taken = is_number || ["y", "Y", "n", "N"].contains(&value);
                is_taken
                    .then(|| value.to_owned())
                    .ok_or_else(|| format!("needs \"y\", \"n\" or a number, not `{value}`"))
            }
            Self::Number(first, last) => {
                let number =
                    value.trim().parse::<i64>().ok().filter(|number| (first..=last).contains(number));
                let number =
                    number.ok_or_else(|| format!("needs a number from {first} to {last}, not `{value}`"))?;
                Ok(number.to_string())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::{SYSCTLS, Takes, choices, counterpart, file_of_cgroup, place, risk, takes, value};

    #[test]
    fn accepts_sysctls_and_files_of_the_kernel_as_knobs() {
        let mount = Path::new("/sys/fs/cgroup");
        let at = |name: &str| place(name, Some(mount));
        assert_eq!(at("vm.page-cluster"), Ok(PathBuf::from("/proc/sys/vm/page-cluster")));
        assert!(at("/sys/kernel/mm/lru_gen/enabled").is_ok() && at("/sys/fs/cgroup/a/memory.max").is_ok());
        for wrong in ["swappiness", "vm..x", "vm/../x.y", "/etc/passwd", "/proc/sys/../1/mem", "/dev/mem"] {
            assert!(at(wrong).is_err(), "{wrong}");
        }
        // Settings that run programs as root, or that kill.
        let cgroup =
            ["release_agent", "a/cgroup.kill", "a/cgroup.procs"].map(|file| format!("/sys/fs/cgroup/{file}"));
        let sysctls =
            ["kernel.core_pattern", "kernel.modprobe", "/proc/sys/kernel/core_pattern", "/proc/sys/vm"];
        for wrong in cgroup.iter().map(String::as_str).chain(sysctls) {
            assert!(at(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn reports_the_risk_of_a_knob() {
        let risky = ["vm.oom_kill_allocating_task", "vm.min_free_kbytes", "vm.panic_on_oom", "vm.unheard_of"];
        for name in risky {
            assert!(risk(&place(name, None).unwrap()).is_some(), "{name}");
        }
        assert!(risk(Path::new("/sys/fs/cgroup/other/memory.max")).is_some());
        for harmless in ["vm.swappiness", "vm.page-cluster"] {
            assert!(risk(&place(harmless, None).unwrap()).is_none(), "{harmless}");
        }
    }

    #[test]
    fn accepts_the_values_that_the_kernel_accepts() {
        let swappiness = takes(Path::new("/proc/sys/vm/swappiness"));
        assert_eq!(swappiness.written("200"), Ok("200".to_owned()));
        assert!(swappiness.written("201").is_err() && swappiness.written("60%").is_err());
        assert_eq!(Takes::Size.written("64M"), Ok((64 << 20).to_string()));
        assert_eq!(Takes::Size.written("max"), Ok("max".to_owned()));
        assert!(Takes::Size.written("some").is_err());
    }

    #[test]
    fn translates_max_on_either_hierarchy() {
        let written =
            |hierarchy: &str, value: &str| file_of_cgroup("memory.max", hierarchy).unwrap().1.written(value);
        assert_eq!(written("v2", "max"), Ok("max".to_owned()));
        assert_eq!(written("v1", "max"), Ok("-1".to_owned()), "v1's value for `max`");
        assert_eq!(written("v1", "-1"), Ok("-1".to_owned()));
        assert!(written("v2", "-1").is_err());
        assert_eq!(written("v1", "64K"), Ok("65536".to_owned()));
    }

    #[test]
    fn accepts_a_number_or_all_for_switches() {
        let takes = takes(Path::new("/sys/kernel/mm/lru_gen/enabled"));
        assert!(["y", "N", "7", "0x0007"].iter().all(|value| takes.written(value).is_ok()));
        assert!(["yes", "on", "", "-1", "0xg"].iter().all(|value| takes.written(value).is_err()));
    }

    #[test]
    fn restores_values_in_the_form_that_the_kernel_accepts() {
        assert_eq!(value("always [madvise] never\n"), "madvise");
        assert_eq!(value("always defer defer+madvise [never]\n"), "never");
        assert_eq!(value("60\n"), "60");
        assert_eq!(value("4096\t131072\n"), "4096\t131072");
        assert_eq!(value("|/bin/dump [%p] %s\n"), "|/bin/dump [%p] %s", "it does not list choices");
        assert_eq!(choices("always [madvise] never\n"), Some(vec!["always", "madvise", "never"]));
        assert_eq!(choices("0x0007\n"), None);
    }

    #[test]
    fn translates_memory_max_on_either_hierarchy() {
        assert_eq!(file_of_cgroup("memory.max", "v2").unwrap().0, "memory.max");
        assert_eq!(file_of_cgroup("memory.max", "v1").unwrap().0, "memory.limit_in_bytes");
        assert!(file_of_cgroup("memory.high", "v1").unwrap_err().contains("cgroup v2"));
        assert!(file_of_cgroup("memory.hihg", "v2").unwrap_err().contains("memory.high"));
    }

    #[test]
    fn counterpart_is_its_own_inverse() {
        let ratio = Path::new("/proc/sys/vm/overcommit_ratio");
        assert_eq!(counterpart(&counterpart(ratio).unwrap()).as_deref(), Some(ratio));
        assert!(counterpart(Path::new("/proc/sys/vm/swappiness")).is_none());
        assert!(SYSCTLS.iter().all(|known| known.name.starts_with("vm.")));
    }
}
