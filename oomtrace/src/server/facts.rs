//! The facts of a report that consumers need, as owned values. The report itself stays on its thread.

use crate::{
    attribute::Attribution,
    bytes::ByteString,
    explain::{Code, Policy},
    incident::Role,
    report::{Report, Victim},
};

/// A closed incident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) id: String,
    /// The summary.
    pub(super) summary: String,
    pub(super) cause: Code,
    pub(super) policy: Option<Policy>,
    /// "memcg", "system", "cpuset" or "mempolicy".
    pub(super) domain: Option<&'static str>,
    pub(super) domain_cgroup: Option<ByteString>,
    /// Whether a process was killed, and not only allowed to use the reserves because it was dying, or told to exit.
    pub(super) killed: bool,
    /// Passes that killed no process.
    pub(super) empty_passes: u64,
    pub(super) decision_ns: Option<u64>,
    pub(super) recovery_ns: Option<u64>,
    pub(super) victims: Vec<Dead>,
}

/// A victim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Dead {
    pub(super) pid: Option<i32>,
    pub(super) comm: Option<ByteString>,
    /// Real user id.
    pub(super) uid: Option<u32>,
    pub(super) role: Role,
    pub(super) unit: Option<ByteString>,
    /// Whether the unit belongs to a user's service manager.
    pub(super) is_users: bool,
    pub(super) place: Place,
    pub(super) attribution: Attribution,
}

/// The place of a victim. Absent values are `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) cgroup: Option<ByteString>,
    /// The name of the container in its pod.
    pub(super) pod_container: Option<ByteString>,
    pub(super) image: Option<ByteString>,
    /// The container's own name, otherwise its identifier.
    pub(super) container: Option<ByteString>,
    pub(super) pod: Option<ByteString>,
    pub(super) namespace: Option<ByteString>,
}

impl Facts {
    pub(super) fn of(report: &Report) -> Self {
        Self {
            id: report.id.clone(),
            summary: report.cause.summary.clone(),
            cause: report.cause.code,
            policy: report.selection.policy,
            domain: report.domain.kind,
            domain_cgroup: report.domain.cgroup.clone(),
            killed: report.has_killed(),
            empty_passes: report.empty_passes.map_or(0, |passes| passes.count),
            decision_ns: report.decision_ns(),
            recovery_ns: report.recovery_ns(),
            victims: report.victims.iter().map(Dead::of).collect(),
        }
    }

    /// The victim that was chosen, or the first known victim.
    pub(super) fn chosen(&self) -> Option<&Dead> {
        self.victims.iter().find(|victim| victim.role == Role::Chosen).or(self.victims.first())
    }

    /// Whether the kernel sent SIGKILL, and not user space.
    pub(super) fn is_kernels(&self) -> bool {
        self.cause != Code::Userspace
    }
}

impl Dead {
    fn of(victim: &Victim) -> Self {
        let process = &victim.process;
        let (container, pod) = (process.place.container.as_ref(), process.place.pod.as_ref());
        Self {
            pid: process.pid,
            comm: process.comm.clone(),
            uid: process.uid,
            role: victim.role,
            unit: process.place.unit.clone(),
            is_users: process.cgroup.as_ref().is_some_and(|path| is_users(path.as_bytes())),
            place: Place {
                cgroup: process.cgroup.clone(),
                pod_container: pod.and_then(|pod| pod.container.clone()),
                image: container.and_then(|container| container.image.clone()),
                container: container
                    .map(|container| container.name.as_ref().unwrap_or(&container.id).clone()),
                pod: pod.and_then(|pod| pod.name.clone()),
                namespace: pod.and_then(|pod| pod.namespace.clone()),
            },
            attribution: process.place.clone(),
        }
    }
}

/// Whether a path is below the cgroup of a user's service manager.
fn is_users(path: &[u8]) -> bool {
    path.split(|byte| *byte == b'/').any(|level| level.starts_with(b"user@"))
}
