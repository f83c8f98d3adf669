//! Who asks, and what that process may know: root everything, any other process what happened to processes of its user and in
//! its own cgroup or unit.

use std::fs;

use rustix::process::geteuid;
use tokio::net::UnixStream;

use crate::{
    attribute::{Attribution, cgroup::is_below},
    bytes::ByteString,
    incident::KnownNames,
    kernel::peer::Peer,
    report::Target,
    server::facts::Dead,
    source::cgroup::{cgroupfs::MemoryHierarchy, memcg::of_process},
};

/// The process that asks.
pub(super) struct Asker {
    uid: u32,
    /// Its process id, if the kernel reported it.
    pub(super) pid: Option<i32>,
    /// The cgroup of its unit or container, otherwise its own cgroup. `None` for the root cgroup, which is no one's own.
    cgroup: Option<ByteString>,
    /// Whether it may know everything: root, and the tracer's own user.
    pub(super) sees_all: bool,
    /// Where cgroups of living processes are found.
    hierarchy: Option<MemoryHierarchy>,
}

impl Asker {
    /// The process that connected.
    pub(super) fn of(stream: &UnixStream, hierarchy: Option<&MemoryHierarchy>) -> Option<Self> {
        let credentials = stream.peer_cred().ok()?;
        let (uid, pid) = (credentials.uid(), credentials.pid());
        let sees_all = uid == 0 || uid == geteuid().as_raw();
        let cgroup =
            hierarchy.zip(pid).filter(|_| !sees_all).and_then(|(all, pid)| cgroup_of(stream, all, pid, uid));
        Some(Self { uid, pid, cgroup: cgroup.and_then(own), sees_all, hierarchy: hierarchy.cloned() })
    }

    /// The user, for the limits of one user.
    pub(super) const fn uid(&self) -> u32 {
        self.uid
    }

    /// Whether this victim belongs to the process that asks.
    pub(super) fn owns(&self, victim: &Dead) -> bool {
        self.sees_all
            || victim.uid == Some(self.uid)
            || victim.place.cgroup.as_ref().is_some_and(|cgroup| self.is_own(cgroup))
    }

    fn is_own(&self, cgroup: &ByteString) -> bool {
        self.cgroup.as_ref().is_some_and(|own| is_below(cgroup.as_bytes(), own.as_bytes()))
    }

    /// Whether a living process is in the own cgroup.
    fn is_beside(&self, pid: i32) -> bool {
        let cgroup = self.hierarchy.as_ref().and_then(|hierarchy| of_process(hierarchy, pid));
        cgroup.is_some_and(|cgroup| self.is_own(&cgroup))
    }

    /// Whether the question is about others, as far as that is known without any report.
    pub(super) fn is_about_others(&self, target: &Target) -> bool {
        match target {
            _ if self.sees_all => false,
            Target::Pid(pid) => uid_of(*pid).is_some_and(|uid| uid != self.uid) && !self.is_beside(*pid),
            Target::Cgroup(path) => !self.is_own(&ByteString::from(path.clone())),
            Target::Name(_) => !self.cgroup.as_ref().is_some_and(|own| {
                let place = Attribution { slice: None, ..Attribution::of(&KnownNames::default(), own) };
                target.fits(None, None, &place)
            }),
        }
    }

    /// The refusal.
    pub(super) fn refusal(&self) -> String {
        let own = match &self.cgroup {
            Some(cgroup) => format!(" and about {}", cgroup.to_words()),
            None => String::new(),
        };
        format!(
            "refused: user {} may ask about processes of its own{own} only; root may ask about all",
            self.uid
        )
    }
}

/// The cgroup of the process that connected. Its number may belong to another process by now, so a descriptor of the process
/// must show that it still lives. Kernels before 6.5 have none; the user must then be the same.
fn cgroup_of(stream: &UnixStream, hierarchy: &MemoryHierarchy, pid: i32, uid: u32) -> Option<ByteString> {
    let peer = Peer::of(stream);
    let cgroup = of_process(hierarchy, pid)?;
    let is_it = match peer {
        Ok(peer) => peer.lives(),
        Err(error) if error.raw_os_error() == Some(libc::ENOPROTOOPT) => uid_of(pid) == Some(uid),
        Err(_) => false,
    };
    is_it.then_some(cgroup)
}

/// The real user of a living process.
fn uid_of(pid: i32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("Uid:"))?.split_whitespace().next()?.parse().ok()
}

/// The part of a path that belongs to the process's unit: up to the innermost service or scope. A container has a scope, or a
/// cgroup of its own. Units and users share a slice, so a slice is no one's own.
fn own(path: ByteString) -> Option<ByteString> {
    let bytes = path.as_bytes();
    // A path that begins with ".." is outside the tracer's cgroup namespace.
    if bytes == b"/" || bytes.starts_with(b"/..") {
        return None;
    }
    let mut end = 0;
    let mut unit = None;
    for level in bytes.split(|byte| *byte == b'/') {
        end += level.len();
        if level.ends_with(b".service") || level.ends_with(b".scope") {
            unit = Some(end);
        }
        end += 1;
    }
    match unit.and_then(|end| bytes.get(..end)) {
        Some(unit) => Some(ByteString::from(unit.to_vec())),
        None => (!bytes.ends_with(b".slice")).then_some(path),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::{Asker, own, uid_of};
    use crate::{
        report::{Report, Target},
        server::facts::Facts,
        sink::terminal::example,
    };

    pub(in super::super) fn user(uid: u32, cgroup: &str) -> Asker {
        Asker { uid, pid: None, cgroup: own(cgroup.into()), sees_all: uid == 0, hierarchy: None }
    }

    fn owns(asker: &Asker, report: &Report) -> bool {
        asker.owns(&Facts::of(report).victims[0])
    }

    #[test]
    fn unit_is_own_and_the_root_cgroup_is_not() {
        let own = |path: &str| own(path.into()).map(|own| own.to_words());
        assert_eq!(own("/system.slice/a.service/worker"), Some("/system.slice/a.service".to_owned()));
        assert_eq!(
            own("/user.slice/user@7.service/app.slice/b.service"),
            Some("/user.slice/user@7.service/app.slice/b.service".to_owned())
        );
        assert_eq!(own("/docker/abc"), Some("/docker/abc".to_owned()));
        for shared in ["/", "/..", "/../a", "/../a.service", "/user.slice", "/user.slice/user-7.slice"] {
            assert_eq!(own(shared), None, "{shared}");
        }
    }

    #[test]
    fn owns_victims_of_its_user_and_of_its_cgroup() {
        let mut report = example::memcg_kill();
        report.victims[0].process.uid = Some(1000);
        report.victims[0].process.cgroup = Some("/system.slice/a.service/x".into());
        assert!(owns(&user(0, "/"), &report));
        assert!(owns(&user(1000, "/"), &report));
        assert!(owns(&user(7, "/system.slice/a.service"), &report));
        assert!(!owns(&user(7, "/"), &report));
        assert!(!owns(&user(7, "/system.slice/b.service"), &report));
        assert!(!owns(&user(7, "/system.slice/a"), &report));
    }

    #[test]
    fn a_question_about_another_cgroup_unit_or_process_is_about_others() {
        let asker = user(7, "/system.slice/a.service/x");
        let others = |target: &str| asker.is_about_others(&Target::of(target.as_bytes()));
        assert!(!others("/system.slice/a.service/y") && !others("a.service"));
        assert!(others("/system.slice") && others("b.service") && others("system.slice"));
        // Process 1 is root's. No process has the other number, so that nothing is known about its user.
        assert!(others("1") && !others("2147483647"));
        assert!(!user(0, "/").is_about_others(&Target::of(b"1")));
        assert_eq!(uid_of(1), Some(0));
        assert!(asker.refusal().contains("/system.slice/a.service only"), "{}", asker.refusal());
    }
}
