//! Containers: a table of the names that engines give to cgroups, one rule per line.

use serde::Serialize;

use super::{Walk, shape::Shape, unit};
use crate::bytes::ByteString;

/// A container runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Runtime {
    /// Docker.
    Docker,
    /// containerd, with Kubernetes, nerdctl or by itself.
    Containerd,
    /// CRI-O.
    CriO,
    /// Podman.
    Podman,
    /// LXC, LXD and Incus.
    Lxc,
    /// LXC by libvirt.
    LibvirtLxc,
    /// `systemd-nspawn`, or another program that registers with `systemd-machined`.
    Nspawn,
    /// Kata Containers.
    Kata,
    /// A step of a build by BuildKit.
    Buildkit,
    /// Garden of Cloud Foundry and Concourse.
    Garden,
    /// Amazon ECS.
    Ecs,
    /// HashiCorp Nomad.
    Nomad,
    /// Apache Mesos.
    Mesos,
    /// runc or crun by itself.
    Oci,
}

/// Every runtime with its name in reports.
pub const RUNTIMES: [(Runtime, &str); 14] = [
    (Runtime::Docker, "docker"),
    (Runtime::Containerd, "containerd"),
    (Runtime::CriO, "cri-o"),
    (Runtime::Podman, "podman"),
    (Runtime::Lxc, "lxc"),
    (Runtime::LibvirtLxc, "libvirt-lxc"),
    (Runtime::Nspawn, "nspawn"),
    (Runtime::Kata, "kata"),
    (Runtime::Buildkit, "buildkit"),
    (Runtime::Garden, "garden"),
    (Runtime::Ecs, "ecs"),
    (Runtime::Nomad, "nomad"),
    (Runtime::Mesos, "mesos"),
    (Runtime::Oci, "oci"),
];

impl Runtime {
    /// Its name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        RUNTIMES.iter().find(|(runtime, _)| *runtime == self).map_or("", |(_, name)| name)
    }

    /// The runtime with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        RUNTIMES.iter().find(|(_, known)| *known == name).map(|(runtime, _)| *runtime)
    }
}

/// A container, as far as the path of its cgroup shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathContainer {
    /// Absent if several engines use such a name.
    pub runtime: Option<Runtime>,
    /// The full identifier, unescaped.
    pub id: ByteString,
    /// The path of its cgroup.
    pub cgroup: ByteString,
    /// No other container is around it. The files of this machine can only know such a container.
    pub is_outermost: bool,
}

/// The place of a container's cgroup.
#[derive(Clone, Copy)]
enum In {
    /// Anywhere.
    Any,
    /// In a cgroup with this name.
    Of(&'static str),
    /// In a cgroup whose parent has this name: `/ecs/<task>/<id>`.
    Below(&'static str),
    /// Anywhere below a cgroup with this name.
    Under(&'static str),
}

/// One way in which an engine names a cgroup: the place, the prefix of the identifier, its form, and the suffix.
struct Rule(Option<Runtime>, In, &'static str, Shape, &'static str);

/// The grammar. The first rule that fits a level decides.
const RULES: &[Rule] = &[
    Rule(Some(Runtime::Docker), In::Any, "docker-", Shape::Hex64, ".scope"),
    Rule(Some(Runtime::Docker), In::Any, "docker-", Shape::Hex64, ""),
    Rule(Some(Runtime::Docker), In::Any, "*:docker:", Shape::Hex64, ""),
    Rule(Some(Runtime::Docker), In::Of("docker"), "", Shape::Hex64, ""),
    Rule(Some(Runtime::Docker), In::Of("moby"), "", Shape::Hex64, ""),
    Rule(Some(Runtime::Containerd), In::Any, "cri-containerd-", Shape::Hex64, ".scope"),
    Rule(Some(Runtime::Containerd), In::Any, "cri-containerd-", Shape::Hex64, ""),
    Rule(Some(Runtime::Containerd), In::Any, "*:cri-containerd:", Shape::Hex64, ""),
    Rule(Some(Runtime::Containerd), In::Any, "containerd-", Shape::Hex64, ".scope"),
    Rule(Some(Runtime::Containerd), In::Any, "nerdctl-", Shape::Hex64, ".scope"),
    Rule(Some(Runtime::Containerd), In::Of("k8s.io"), "", Shape::Hex64, ""),
    Rule(Some(Runtime::Containerd), In::Of("default"), "", Shape::Hex64, ""),
    Rule(Some(Runtime::CriO), In::Any, "crio-", Shape::Hex64, ".scope"),
    Rule(Some(Runtime::CriO), In::Any, "crio-", Shape::Hex64, ""),
    Rule(Some(Runtime::CriO), In::Any, "*:crio:", Shape::Hex64, ""),
    Rule(Some(Runtime::Podman), In::Any, "libpod-", Shape::Hex64, ".scope"),
    Rule(Some(Runtime::Podman), In::Any, "libpod-payload-", Shape::Hex64, ""),
    Rule(Some(Runtime::Podman), In::Any, "libpod-", Shape::Hex64, ""),
    Rule(Some(Runtime::Kata), In::Any, "kata_", Shape::Hex64, ""),
    Rule(Some(Runtime::Kata), In::Any, "kata-sandbox-", Shape::Hex64, ""),
    Rule(Some(Runtime::Kata), In::Of("kata_overhead"), "", Shape::Hex64, ""),
    Rule(Some(Runtime::Kata), In::Of("kata"), "", Shape::Hex64, ""),
    Rule(Some(Runtime::Buildkit), In::Of("buildkit"), "", Shape::Base36, ""),
    Rule(Some(Runtime::Buildkit), In::Any, "buildkit-", Shape::Base36, ".scope"),
    Rule(Some(Runtime::Lxc), In::Any, "lxc.payload.", Shape::Name, ""),
    Rule(Some(Runtime::Lxc), In::Of("lxc.payload"), "", Shape::Name, ""),
    Rule(Some(Runtime::Lxc), In::Of("incus.payload"), "", Shape::Name, ""),
    Rule(Some(Runtime::Lxc), In::Of("lxc"), "", Shape::Name, ""),
    Rule(Some(Runtime::LibvirtLxc), In::Any, "machine-lxc\\x2d", Shape::Name, ".scope"),
    Rule(Some(Runtime::LibvirtLxc), In::Any, "lxc-", Shape::Name, ".libvirt-lxc"),
    Rule(Some(Runtime::LibvirtLxc), In::Any, "", Shape::Name, ".libvirt-lxc"),
    Rule(None, In::Any, "machine-qemu", Shape::Name, ".scope"),
    Rule(Some(Runtime::Nspawn), In::Of("machine.slice"), "machine-", Shape::Name, ".scope"),
    Rule(Some(Runtime::Nspawn), In::Any, "systemd-nspawn@", Shape::Name, ".service"),
    Rule(Some(Runtime::Garden), In::Of("garden"), "", Shape::Uuid, ""),
    Rule(Some(Runtime::Ecs), In::Of("ecs"), "", Shape::TaskNumber, ""),
    Rule(Some(Runtime::Ecs), In::Under("ecs"), "", Shape::TaskNumber, ""),
    Rule(Some(Runtime::Ecs), In::Below("ecs"), "", Shape::Hex64, ""),
    Rule(Some(Runtime::Ecs), In::Under("ecs"), "", Shape::Hex64, ""),
    Rule(Some(Runtime::Nomad), In::Under("nomad.slice"), "", Shape::UuidName, ".scope"),
    Rule(Some(Runtime::Nomad), In::Under("nomad"), "", Shape::UuidName, ""),
    Rule(Some(Runtime::Mesos), In::Of("mesos"), "", Shape::Uuid, ""),
    Rule(None, In::Any, "", Shape::Hex64, ""),
];

/// The container whose cgroup this level is.
pub(super) fn at(walk: &Walk<'_>, end: usize, level: &[u8]) -> Option<PathContainer> {
    let (Rule(runtime, ..), id) = RULES.iter().find_map(|rule| Some((rule, rule.id(walk, level)?)))?;
    let id = unit::unescaped(id);
    // A virtual machine is not a container. Its rule has a name as the identifier and no runtime.
    let is_machine = runtime.is_none() && !Shape::Hex64.fits(id.as_bytes());
    (!is_machine).then(|| PathContainer {
        runtime: *runtime,
        id,
        cgroup: walk.up_to(end),
        is_outermost: false,
    })
}

impl Rule {
    /// The identifier in a level, if the rule is about it.
    fn id<'a>(&self, walk: &Walk<'_>, level: &'a [u8]) -> Option<&'a [u8]> {
        let Self(_, place, before, shape, after) = self;
        if !place.holds(walk) {
            return None;
        }
        let rest = match before.strip_prefix('*') {
            // The name for systemd's cgroup driver, used as a path: `slice:prefix:id`.
            Some(before) => behind(level, before.as_bytes())?,
            None => level.strip_prefix(before.as_bytes())?,
        };
        let id = rest.strip_suffix(after.as_bytes())?;
        shape.fits(id).then_some(id)
    }
}

impl In {
    fn holds(self, walk: &Walk<'_>) -> bool {
        match self {
            Self::Any => true,
            Self::Of(name) => walk.parent() == name.as_bytes(),
            Self::Below(name) => walk.grandparent() == name.as_bytes(),
            Self::Under(name) => walk.above.contains(&name.as_bytes()),
        }
    }
}

/// The bytes after a part of a level.
fn behind<'a>(level: &'a [u8], part: &[u8]) -> Option<&'a [u8]> {
    let place = level.windows(part.len()).position(|window| window == part)?;
    level.get(place + part.len()..)
}
