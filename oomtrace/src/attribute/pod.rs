//! Kubernetes pods, as the kubelet names their cgroups with either cgroup driver.

use serde::Serialize;

use super::{
    Walk,
    shape::{is_uuid, split_last},
};
use crate::bytes::ByteString;

/// The quality of service that the kubelet gives a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Qos {
    /// Requests equal limits.
    Guaranteed,
    /// There are requests.
    Burstable,
    /// There are neither requests nor limits.
    BestEffort,
}

impl Qos {
    /// Every class.
    pub const ALL: [Self; 3] = [Self::Guaranteed, Self::Burstable, Self::BestEffort];

    /// Its name, as Kubernetes spells it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Guaranteed => "Guaranteed",
            Self::Burstable => "Burstable",
            Self::BestEffort => "BestEffort",
        }
    }
}

/// A pod, as far as the path of its cgroup shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathPod {
    /// The UID with dashes. The UID of a static pod is a hash without dashes.
    pub uid: String,
    /// The QoS class, from the cgroup that holds the pod.
    pub qos: Qos,
    /// The path of its cgroup.
    pub cgroup: ByteString,
    /// No container, other pod, service or scope contains it. A process in one of these could create such a cgroup.
    pub is_outermost: bool,
}

/// The pod whose cgroup this level is. `pod<uid>` in `kubepods`, and `kubepods-burstable-pod<uid>.slice`, followed by a
/// container's name if the name for systemd's driver was used with cgroupfs.
/// <https://github.com/kubernetes/kubernetes/blob/v1.31.0/pkg/kubelet/cm/pod_container_manager_linux.go>
pub(super) fn at(walk: &Walk<'_>, end: usize, level: &[u8]) -> Option<PathPod> {
    let name = level.split(|byte| *byte == b':').next().unwrap_or_default();
    let name = name.strip_suffix(b".slice").unwrap_or(name);
    let (before, uid) = match name.strip_prefix(b"pod") {
        Some(uid) => (walk.parent(), uid),
        None => split_at_pod(name)?,
    };
    let is_kubelets = is_kubepods(before) || walk.above.iter().any(|level| is_kubepods(level));
    let pod = PathPod { uid: uid_of(uid)?, qos: qos(before), cgroup: walk.up_to(end), is_outermost: false };
    is_kubelets.then_some(pod)
}

/// `kubepods-burstable` and the identifier of `kubepods-burstable-pod<uid>`.
fn split_at_pod(name: &[u8]) -> Option<(&[u8], &[u8])> {
    let (before, last) = split_last(name, b'-')?;
    match last.strip_prefix(b"pod") {
        Some(uid) => Some((before, uid)),
        // Not every driver turns the dashes of the identifier into underscores.
        None => {
            let place = name.windows(4).position(|window| window == b"-pod")?;
            Some((name.get(..place)?, name.get(place + 4..)?))
        }
    }
}

/// Whether this is the kubelet's own cgroup, possibly with a prefix (`kubelet-kubepods.slice`).
fn is_kubepods(level: &[u8]) -> bool {
    let name = level.strip_suffix(b".slice").unwrap_or(level);
    name.split(|byte| *byte == b'-').any(|part| part == b"kubepods")
}

fn qos(before: &[u8]) -> Qos {
    let name = before.strip_suffix(b".slice").unwrap_or(before);
    if name.ends_with(b"burstable") {
        Qos::Burstable
    } else if name.ends_with(b"besteffort") {
        Qos::BestEffort
    } else {
        Qos::Guaranteed
    }
}

/// A UUID, or the hash of a static pod.
fn uid_of(bytes: &[u8]) -> Option<String> {
    let dashed: Vec<u8> = bytes.iter().map(|byte| if *byte == b'_' { b'-' } else { *byte }).collect();
    let is_hash = dashed.len() == 32 && dashed.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    (is_uuid(&dashed) || is_hash).then(|| String::from_utf8_lossy(&dashed).into_owned())
}
