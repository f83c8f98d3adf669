//! Selects a victim of a report by process id, cgroup, unit, container or pod.

use super::{Attribution, Report, Victim};
use crate::{attribute::cgroup::is_below, bytes::ByteString};

/// The process, cgroup, unit, container or pod that a user names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A process id.
    Pid(i32),
    /// A cgroup and all cgroups below it. Its path begins with a slash.
    Cgroup(Vec<u8>),
    /// The name of a unit, a container or a pod.
    Name(Vec<u8>),
}

impl Target {
    /// Parses a target. A number is a process id, text that begins with a slash is a cgroup, and any other text is a name.
    #[must_use]
    pub fn of(typed: &[u8]) -> Self {
        let pid = std::str::from_utf8(typed).ok().and_then(|typed| typed.parse::<i32>().ok());
        match (pid, typed.first()) {
            (Some(pid), _) => Self::Pid(pid),
            (None, Some(b'/')) => Self::Cgroup(typed.to_vec()),
            (None, _) => Self::Name(typed.to_vec()),
        }
    }

    /// Returns the victim that matches, the chosen one first. Only the victim's own cgroup counts, not the one that ran out: the
    /// limit of a parent kills in one child and leaves the others alone.
    #[must_use]
    pub fn victim<'a>(&self, report: &'a Report) -> Option<&'a Victim> {
        let chosen = report.chosen().filter(|victim| self.is(victim));
        chosen.or_else(|| report.victims.iter().find(|victim| self.is(victim)))
    }

    fn is(&self, victim: &Victim) -> bool {
        let process = &victim.process;
        self.fits(process.pid, process.cgroup.as_ref(), &process.place)
    }

    /// Returns whether a process with this id, cgroup and attribution matches.
    #[must_use]
    pub fn fits(&self, pid: Option<i32>, cgroup: Option<&ByteString>, place: &Attribution) -> bool {
        match self {
            Self::Pid(wanted) => pid == Some(*wanted),
            Self::Cgroup(wanted) => cgroup.is_some_and(|path| is_below(path.as_bytes(), wanted)),
            Self::Name(name) => place.is_unit(name) || place.is_container(name) || place.is_pod(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Target;
    use crate::sink::terminal::example;

    #[test]
    fn parses_and_matches_process_cgroup_or_name() {
        assert_eq!(Target::of(b"812"), Target::Pid(812));
        assert_eq!(Target::of(b"/a"), Target::Cgroup(b"/a".to_vec()));
        assert_eq!(Target::of(b"nginx.service"), Target::Name(b"nginx.service".to_vec()));
        let mut report = example::memcg_kill();
        report.victims[0].process.cgroup = Some("/a/b".into());
        report.victims[0].process.place.unit = Some("nginx.service".into());
        for meant in ["812", "/a", "/a/b", "nginx.service"] {
            assert!(Target::of(meant.as_bytes()).victim(&report).is_some(), "{meant}");
        }
        for other in ["81", "/a/b/c", "/b", "nginx", "90"] {
            assert!(Target::of(other.as_bytes()).victim(&report).is_none(), "{other}");
        }
    }
}
