//! The changes that a user requests.

use crate::{account::What, badness, bytes::ByteString, size};

/// A change of one setting. If several changes name the same setting, the last one counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The `oom_score_adj` of these candidates.
    Adj {
        /// The candidates to change.
        who: Who,
        /// A number from -1000 to 1000.
        adj: i16,
    },
    /// `vm.oom_kill_allocating_task`.
    AllocatingTask(bool),
    /// A cgroup's `memory.max` (v1: `limit_in_bytes`).
    Limit {
        /// Its path below the memory hierarchy's mount.
        cgroup: ByteString,
        /// Bytes; `None` for no limit.
        bytes: Option<u64>,
    },
    /// A cgroup's `memory.oom.group`.
    OomGroup {
        /// Its path below the memory hierarchy's mount.
        cgroup: ByteString,
        /// 0 or 1.
        on: bool,
    },
    /// The memory held outside the processes, such as by the files of a tmpfs.
    Held {
        /// The holder of the memory.
        by: Holding,
        /// Bytes.
        bytes: u64,
    },
}

/// A holder of memory outside the processes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holding {
    /// The files of the tmpfs mounted at this path.
    Tmpfs(ByteString),
    /// A part of the account.
    Part(What),
}

/// The parts that a user may change: those that no score counts, except free memory.
const PARTS: [What; 17] = [
    What::AnonLeftBehind,
    What::File,
    What::Tmpfs,
    What::SysvShm,
    What::Shmem,
    What::SlabReclaimable,
    What::SlabUnreclaimable,
    What::SecondaryPageTables,
    What::Percpu,
    What::Vmalloc,
    What::HugePages,
    What::Zspages,
    What::Sockets,
    What::Kernel,
    What::Balloon,
    What::Gpu,
    What::Unexplained,
];

/// A selection of candidates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// The process with this id.
    Pid(i32),
    /// Every process with this name.
    Comm(ByteString),
    /// Every process in this cgroup or below.
    Cgroup(ByteString),
}

impl Change {
    /// Parses an `oom_score_adj`: `PID=VALUE`, `COMM=VALUE` or `/CGROUP=VALUE`.
    ///
    /// # Errors
    ///
    /// If `=` is missing, or the value is not a number from -1000 to 1000.
    pub fn adj(typed: &str) -> Result<Self, String> {
        let (who, value) = pair(typed)?;
        let range = badness::ADJ_MIN..=badness::ADJ_MAX;
        let adj = value.parse().ok().filter(|adj| range.contains(adj));
        let adj =
            adj.ok_or_else(|| format!("`{value}` is not an oom_score_adj (a number from -1000 to 1000)"))?;
        Ok(Self::Adj { who: Who::parse(who), adj })
    }

    /// Parses a switch: `0` or `1`.
    ///
    /// # Errors
    ///
    /// If it is neither.
    pub fn allocating_task(typed: &str) -> Result<Self, String> {
        Ok(Self::AllocatingTask(switch(typed)?))
    }

    /// Parses a limit: `/CGROUP=SIZE`. The size is in bytes, optionally with the suffix K, M, G or T, or `max`.
    ///
    /// # Errors
    ///
    /// If the path is missing or the size is invalid.
    pub fn limit(typed: &str) -> Result<Self, String> {
        let (cgroup, size) = pair(typed)?;
        let bytes = if size == "max" { None } else { Some(size::bytes(size)?) };
        Ok(Self::Limit { cgroup: path(cgroup)?, bytes })
    }

    /// Parses a group switch: `/CGROUP=0` or `/CGROUP=1`.
    ///
    /// # Errors
    ///
    /// If the path is missing or the value is neither 0 nor 1.
    pub fn oom_group(typed: &str) -> Result<Self, String> {
        let (cgroup, value) = pair(typed)?;
        Ok(Self::OomGroup { cgroup: path(cgroup)?, on: switch(value)? })
    }

    /// Parses the size of a tmpfs's files: `/MOUNT=SIZE`.
    ///
    /// # Errors
    ///
    /// If the path is missing or the size is invalid.
    pub fn tmpfs(typed: &str) -> Result<Self, String> {
        let (mount, size) = pair(typed)?;
        if !mount.starts_with('/') {
            return Err(format!("`{mount}` is not a mount point; it must begin with `/`"));
        }
        Ok(Self::Held { by: Holding::Tmpfs(mount.into()), bytes: size::bytes(size)? })
    }

    /// Parses the size of a part of the account: `PART=SIZE`.
    ///
    /// # Errors
    ///
    /// If the part does not exist or the size is invalid.
    pub fn part(typed: &str) -> Result<Self, String> {
        let (name, size) = pair(typed)?;
        let part = PARTS.into_iter().find(|part| part.name() == name);
        let part = part.ok_or_else(|| {
            let names: Vec<&str> = PARTS.iter().map(|part| part.name()).collect();
            format!("`{name}` is not a part that can be changed; choose one of: {}", names.join(", "))
        })?;
        Ok(Self::Held { by: Holding::Part(part), bytes: size::bytes(size)? })
    }
}

impl Who {
    fn parse(typed: &str) -> Self {
        match typed.parse() {
            Ok(pid) if typed.bytes().all(|byte| byte.is_ascii_digit()) => Self::Pid(pid),
            _ if typed.starts_with('/') => Self::Cgroup(typed.into()),
            _ => Self::Comm(typed.into()),
        }
    }
}

/// Splits at the last `=`. A name may contain `=` itself.
fn pair(typed: &str) -> Result<(&str, &str), String> {
    let (name, value) = typed.rsplit_once('=').ok_or("missing `=` and a value")?;
    if name.is_empty() { Err("missing a name before `=`".to_owned()) } else { Ok((name, value)) }
}

fn switch(typed: &str) -> Result<bool, String> {
    match typed {
        "0" => Ok(false),
        "1" => Ok(true),
        _ => Err(format!("expected 0 or 1, not `{typed}`")),
    }
}

fn path(typed: &str) -> Result<ByteString, String> {
    if typed.starts_with('/') {
        Ok(typed.into())
    } else {
        Err(format!("`{typed}` is not a cgroup path; it must begin with `/`"))
    }
}

#[cfg(test)]
mod tests {
    use super::{Change, Holding, Who};
    use crate::account::What;

    fn adj(typed: &str) -> (Who, i16) {
        match Change::adj(typed) {
            Ok(Change::Adj { who, adj }) => (who, adj),
            other => panic!("{typed}: {other:?}"),
        }
    }

    #[test]
    fn parses_pid_cgroup_or_name() {
        assert_eq!(adj("812=-1000"), (Who::Pid(812), -1000));
        assert_eq!(adj("/a=b/c=5"), (Who::Cgroup("/a=b/c".into()), 5));
        assert_eq!(adj("812x=0"), (Who::Comm("812x".into()), 0));
        assert_eq!(adj("-5=1000"), (Who::Comm("-5".into()), 1000));
        assert_eq!(adj("99999999999=1"), (Who::Comm("99999999999".into()), 1));
    }

    #[test]
    fn accepts_the_size_suffixes_of_memory_max() {
        let limit = |typed: &str| match Change::limit(typed) {
            Ok(Change::Limit { bytes, .. }) => bytes,
            other => panic!("{typed}: {other:?}"),
        };
        assert_eq!(limit("/a=64M"), Some(64 << 20));
        assert_eq!(limit("/a=2g"), Some(2 << 30));
        assert_eq!(limit("/a=4096"), Some(4096));
        assert_eq!(limit("/a=max"), None);
    }

    #[test]
    fn parses_mount_or_part_and_size() {
        let tmpfs = Change::Held { by: Holding::Tmpfs("/a=b/c".into()), bytes: 1 << 20 };
        assert_eq!(Change::tmpfs("/a=b/c=1M"), Ok(tmpfs));
        let part = Change::Held { by: Holding::Part(What::SysvShm), bytes: 0 };
        assert_eq!(Change::part("sysv_shm=0"), Ok(part));
        for typed in ["volume=0", "/volume", "/volume=", "=0", "/volume=max"] {
            assert!(Change::tmpfs(typed).is_err(), "{typed}");
        }
        for typed in ["anon=0", "free=0", "page_tables=0", "sysv_shm", "nonsense=0", "tmpfs=max"] {
            assert!(Change::part(typed).is_err(), "{typed}");
        }
        assert!(Change::part("anon=0").unwrap_err().contains("huge_pages"));
    }

    #[test]
    fn rejects_invalid_changes() {
        for typed in ["redis", "=5", "redis=", "redis=1001", "redis=-1001", "redis=five", "redis=99999999"] {
            assert!(Change::adj(typed).is_err(), "{typed}");
        }
        for typed in ["a=64M", "/a=64X", "/a=", "/a=-1", "/a=M", "/a=99999999999T", "/a=1MB", "/a"] {
            assert!(Change::limit(typed).is_err(), "{typed}");
        }
        for typed in ["/a=2", "a=1", "/a=yes", "/a"] {
            assert!(Change::oom_group(typed).is_err(), "{typed}");
        }
        assert!(Change::allocating_task("2").is_err() && Change::allocating_task("1").is_ok());
    }
}
