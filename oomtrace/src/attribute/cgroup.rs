//! Paths of an incident's cgroups: from the levels that the eBPF side sent, otherwise from what user space read.

pub use crate::cgroup::{chain, is_below, path};
use crate::{bytes::ByteString, incident::Incident};

/// The path of a cgroup of an incident: from the levels of the eBPF side, otherwise as user space read it.
#[must_use]
pub fn path_of(incident: &Incident, id: u64) -> Option<ByteString> {
    path(&incident.memcgs, id).or_else(|| incident.cgroups.get(&id).cloned())
}

#[cfg(test)]
mod tests {
    use super::path_of;
    use crate::{cgroup::tests::level, incident::Incident};

    #[test]
    fn uses_the_path_read_by_user_space_if_the_levels_lack_it() {
        let memcgs = [(1, level(1, 0, b"")), (5, level(5, 1, b"pods"))].into();
        let cgroups = [(5, "/elsewhere".into()), (7, "/other".into())].into();
        let incident = Incident { memcgs, cgroups, ..Incident::default() };
        let found = |id| path_of(&incident, id).map(|path| path.as_bytes().to_vec());
        assert_eq!([found(5), found(7), found(8)], [Some(b"/pods".to_vec()), Some(b"/other".to_vec()), None]);
    }
}
