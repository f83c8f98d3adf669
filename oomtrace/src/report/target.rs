//! Which victim of a report is meant by a process id, a cgroup, a unit, a container or a pod.

use super::{Report, Victim};
use crate::attribute::cgroup::is_below;

/// What is asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A process.
    Pid(i32),
    /// A cgroup and all below it: a path that begins with a slash.
    Cgroup(Vec<u8>),
    /// A unit, a container or a pod.
    Name(Vec<u8>),
}

impl Target {
    /// A number is a process, what begins with a slash a cgroup, all else a name.
    #[must_use]
    pub fn of(typed: &[u8]) -> Self {
        let pid = std::str::from_utf8(typed).ok().and_then(|typed| typed.parse::<i32>().ok());
        match (pid, typed.first()) {
            (Some(pid), _) => Self::Pid(pid),
            (None, Some(b'/')) => Self::Cgroup(typed.to_vec()),
            (None, _) => Self::Name(typed.to_vec()),
        }
    }

    /// The victim of this report that is meant: the chosen one, if several are. Only where it was is asked, not what ran out: the
    /// limit of a parent kills in one child and leaves the others alone.
    #[must_use]
    pub fn victim<'a>(&self, report: &'a Report) -> Option<&'a Victim> {
        let chosen = report.chosen().filter(|victim| self.is(victim));
        chosen.or_else(|| report.victims.iter().find(|victim| self.is(victim)))
    }

    fn is(&self, victim: &Victim) -> bool {
        let process = &victim.process;
        match self {
            Self::Pid(pid) => process.pid == Some(*pid),
            Self::Cgroup(cgroup) => {
                process.cgroup.as_ref().is_some_and(|path| is_below(path.as_bytes(), cgroup))
            }
            Self::Name(name) => {
                let place = &process.place;
                place.is_unit(name) || place.is_container(name) || place.is_pod(name)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Target;
    use crate::sink::terminal::example;

    #[test]
    fn a_target_is_a_process_a_cgroup_or_a_name() {
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
