//! Cgroups as the eBPF side sends them, level by level: the ancestors up to the root, the path, and `memory.oom.group`.

use std::collections::BTreeMap;

use oomtrace_common::event::Memcg;

use crate::bytes::ByteString;

/// The cgroups from one up to the root, leaf first. Ends early if a level is missing.
pub fn chain(memcgs: &BTreeMap<u64, Memcg>, id: u64) -> Vec<&Memcg> {
    let mut chain: Vec<&Memcg> = Vec::new();
    let mut next = memcgs.get(&id);
    while let Some(memcg) = next {
        chain.push(memcg);
        // Damaged levels may form a cycle.
        if chain.len() > memcgs.len() {
            return Vec::new();
        }
        next = memcgs.get(&memcg.parent).filter(|_| memcg.parent != 0);
    }
    chain
}

/// The path below the hierarchy's mount, "/" for the root; `None` if a level or a name is missing.
#[must_use]
pub fn path(memcgs: &BTreeMap<u64, Memcg>, id: u64) -> Option<ByteString> {
    let chain = chain(memcgs, id);
    let (root, below) = chain.split_last()?;
    if root.parent != 0 {
        return None;
    }
    let mut path = Vec::new();
    for memcg in below.iter().rev() {
        path.push(b'/');
        path.extend_from_slice(name(memcg)?);
    }
    Some(ByteString::from(if path.is_empty() { b"/".to_vec() } else { path }))
}

/// Whether a path equals another one or lies below it.
#[must_use]
pub fn is_below(path: &[u8], above: &[u8]) -> bool {
    let above = above.strip_suffix(b"/").unwrap_or(above);
    path.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
}

/// Digits of a container's identifier.
const ID_DIGITS: usize = 64;

/// The part of a path that stays when a container is started again. Kubernetes then makes another container with another identifier, so
/// that only the path of the pod stays. Of any other cgroup it is the whole path.
#[must_use]
pub fn lasting(path: &[u8]) -> &[u8] {
    let mut parts = path.rsplitn(2, |byte| *byte == b'/');
    let (Some(own), Some(above)) = (parts.next(), parts.next()) else { return path };
    let parent = above.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    let is_slice = parent.ends_with(b".slice") && parent.windows(4).any(|part| part == b"-pod");
    let is_pod = parent.starts_with(b"pod") || is_slice;
    let is_container = own.split(|byte| !byte.is_ascii_hexdigit()).any(|digits| digits.len() == ID_DIGITS);
    if is_pod && is_container { above } else { path }
}

/// Whether `memory.oom.group` is set. On v1 the field is there and means nothing.
#[must_use]
pub const fn is_group(memcg: &Memcg) -> bool {
    memcg.hierarchy == 0 && memcg.present & Memcg::OOM_GROUP != 0 && memcg.oom_group != 0
}

/// A cgroup's own name; `None` if it could not be read.
fn name(memcg: &Memcg) -> Option<&[u8]> {
    let with_nul = usize::try_from(memcg.name_len).ok()?;
    memcg.name.get(..with_nul.checked_sub(1)?)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeMap;

    use oomtrace_common::event::Memcg;
    use zerocopy::FromZeros as _;

    use super::{is_below, lasting, path};

    #[test]
    fn is_below_itself_and_its_ancestors_only() {
        assert!(is_below(b"/a/b", b"/a/b") && is_below(b"/a/b", b"/a") && is_below(b"/a/b", b"/"));
        assert!(is_below(b"/a/b", b"/a/") && !is_below(b"/ab", b"/a") && !is_below(b"/a", b"/a/b"));
    }

    #[test]
    fn a_container_of_a_pod_is_made_again_in_its_pod() {
        let id = "0123456789abcdef".repeat(4);
        let pod = "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod12ab.slice";
        let systemd = format!("{pod}/cri-containerd-{id}.scope");
        let cgroupfs = format!("/kubepods/burstable/pod12ab/{id}");
        assert_eq!(lasting(systemd.as_bytes()), pod.as_bytes());
        assert_eq!(lasting(cgroupfs.as_bytes()), b"/kubepods/burstable/pod12ab");
        let docker = format!("/docker/{id}");
        for path in [pod, docker.as_str(), "/", "/a/pod1/b", "/podman.slice/a.scope"] {
            assert_eq!(lasting(path.as_bytes()), path.as_bytes(), "{path}");
        }
    }

    /// A level for tests.
    pub(crate) fn level(id: u64, parent: u64, name: &[u8]) -> Memcg {
        let mut memcg = Memcg::new_zeroed();
        (memcg.id, memcg.parent) = (id, parent);
        memcg.name[..name.len()].copy_from_slice(name);
        memcg.name_len = i32::try_from(name.len() + 1).unwrap();
        memcg
    }

    fn levels(levels: &[Memcg]) -> BTreeMap<u64, Memcg> {
        levels.iter().map(|memcg| (memcg.id, *memcg)).collect()
    }

    #[test]
    fn joins_a_path_from_the_root_down() {
        let known = levels(&[level(1, 0, b""), level(5, 1, b"pods"), level(9, 5, b"app \x1b\xff")]);
        assert_eq!(path(&known, 9).unwrap().as_bytes(), b"/pods/app \x1b\xff");
        assert_eq!(path(&known, 1).unwrap().as_bytes(), b"/");
    }

    #[test]
    fn gives_no_path_if_a_level_is_missing() {
        let known = levels(&[level(1, 0, b""), level(9, 5, b"app")]);
        assert_eq!(path(&known, 9), None);
        assert_eq!(path(&known, 77), None);
        let circle = levels(&[level(2, 3, b"a"), level(3, 2, b"b")]);
        assert_eq!(path(&circle, 2), None);
        let mut unnamed = level(9, 1, b"app");
        unnamed.name_len = -14;
        assert_eq!(path(&levels(&[level(1, 0, b""), unnamed]), 9), None);
    }
}
