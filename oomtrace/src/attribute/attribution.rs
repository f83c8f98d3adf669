//! The attribution of a cgroup in a report: from its path, and from the names that were read.

use serde::Serialize;

use super::{Job, PathContainer, PathPod, Place, Qos, Runtime};
use crate::{bytes::ByteString, context::NamedContainer, incident::KnownNames};

/// The container, the pod, the unit, the user and the job of a cgroup. Each is absent if there is none or it is not known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Attribution {
    /// The innermost container.
    pub container: Option<Container>,
    /// The innermost pod.
    pub pod: Option<Pod>,
    /// The innermost systemd unit that is not a slice.
    pub unit: Option<ByteString>,
    /// The slice that holds it.
    pub slice: Option<ByteString>,
    /// The user: a name, or a number if there is no name.
    pub user: Option<ByteString>,
    /// The login session.
    pub session: Option<ByteString>,
    /// The batch job.
    pub job: Option<Job>,
}

/// A container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Container {
    /// The runtime.
    pub runtime: Option<Runtime>,
    /// The full identifier.
    pub id: ByteString,
    /// The name that its engine uses.
    pub name: Option<ByteString>,
    /// The image.
    pub image: Option<ByteString>,
    /// Pid of its first process.
    pub init_pid: Option<i32>,
    /// For a victim's container: whether it keeps running, because its first process was not among the victims.
    pub lives_on: Option<bool>,
}

/// A Kubernetes pod.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pod {
    /// The full UID.
    pub uid: String,
    /// Its name.
    pub name: Option<ByteString>,
    /// Its namespace.
    pub namespace: Option<ByteString>,
    /// Its QoS class.
    pub qos: Qos,
    /// The name that the container has in the pod.
    pub container: Option<ByteString>,
}

impl Attribution {
    /// The attribution of a path, which is relative to the mount of the memory hierarchy.
    #[must_use]
    pub fn of(names: &KnownNames, path: &ByteString) -> Self {
        let place = Place::of(path.as_bytes());
        let named = named(names, place.container.as_ref(), path);
        let pod = place.pod.map(|pod| self::pod(names, pod, named));
        let user = place.uid.map(|uid| {
            names.user(uid).cloned().unwrap_or_else(|| ByteString::from(uid.to_string().into_bytes()))
        });
        Self {
            container: container(place.container, named),
            pod,
            unit: place.unit,
            slice: place.slice,
            user,
            session: place.session,
            job: place.job,
        }
    }

    /// The attribution of a process of this user. In a container, user ids are the container's own, and the machine's user
    /// names do not apply.
    #[must_use]
    pub fn of_process(names: &KnownNames, path: Option<&ByteString>, uid: Option<u32>) -> Self {
        path.map(|path| Self::of(names, path)).unwrap_or_default().of_user(names, uid)
    }

    /// The attribution with the user of a process in this cgroup.
    #[must_use]
    pub fn of_user(mut self, names: &KnownNames, uid: Option<u32>) -> Self {
        if self.container.is_none()
            && let Some(name) = uid.and_then(|uid| names.user(uid))
        {
            self.user = Some(name.clone());
        }
        self
    }
}

/// The names from the files of the node for the outermost container of a path. The files do not know inner containers. A
/// container that the path does not show is found by its whole cgroup.
fn named<'a>(
    names: &'a KnownNames,
    container: Option<&PathContainer>,
    path: &ByteString,
) -> Option<&'a NamedContainer> {
    if names.has_no_container() {
        return None;
    }
    match container {
        Some(container) => {
            let named = names.container(&container.cgroup).filter(|_| container.is_outermost)?;
            (named.id == container.id).then_some(named)
        }
        None => {
            ancestors(path.as_bytes()).find_map(|level| names.container(&ByteString::from(level.to_vec())))
        }
    }
}

/// A path and its ancestors, without the root.
fn ancestors(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::successors(Some(path), |level| {
        let slash = level.iter().rposition(|byte| *byte == b'/')?;
        level.get(..slash).filter(|above| !above.is_empty())
    })
}

fn container(place: Option<PathContainer>, named: Option<&NamedContainer>) -> Option<Container> {
    let told = named.and_then(|named| named.runtime.as_deref()).and_then(Runtime::from_name);
    let id = match (&place, named) {
        (Some(place), _) => place.id.clone(),
        (None, Some(named)) => named.id.clone(),
        (None, None) => return None,
    };
    Some(Container {
        runtime: place.and_then(|place| place.runtime).or(told),
        id,
        name: named.and_then(|named| named.name.clone()),
        image: named.and_then(|named| named.image.clone()),
        init_pid: named.and_then(|named| named.init_pid),
        lives_on: None,
    })
}

fn pod(names: &KnownNames, place: PathPod, container: Option<&NamedContainer>) -> Pod {
    let PathPod { uid, qos, is_outermost, .. } = place;
    let of_container = container.and_then(|container| container.pod.as_ref()).filter(|pod| pod.uid == uid);
    let known = of_container.or_else(|| names.pod(&uid)).filter(|_| is_outermost);
    let inside = of_container.and(container);
    Pod {
        name: known.map(|pod| pod.name.clone()),
        namespace: known.map(|pod| pod.namespace.clone()),
        qos,
        container: inside.and_then(|container| container.name.clone()),
        uid,
    }
}

#[cfg(test)]
mod tests {
    use super::Attribution;
    use crate::{
        attribute::Runtime,
        bytes::ByteString,
        context::{NamedContainer, NamedPod, NamedUser, Names},
        incident::KnownNames,
    };

    const UID: &str = "0d08203e-255a-11e9-8cd9-0007cb0b2cc8";

    fn id(digit: &str) -> String {
        digit.repeat(64)
    }

    fn known() -> KnownNames {
        let pod = NamedPod { uid: UID.to_owned(), name: "shop-7d9".into(), namespace: "prod".into() };
        let in_pod = NamedContainer {
            cgroup: format!("/kubepods/burstable/pod{UID}/{}", id("a")).as_str().into(),
            id: id("a").as_str().into(),
            runtime: Some("containerd".to_owned()),
            name: Some("web".into()),
            pod: Some(pod.clone()),
            init_pid: Some(85),
            ..NamedContainer::default()
        };
        let plain = NamedContainer {
            cgroup: "/box".into(),
            id: "box".into(),
            runtime: Some("oci".to_owned()),
            ..NamedContainer::default()
        };
        let users = vec![NamedUser { uid: 1000, name: "alice".into() }];
        let mut known = KnownNames::default();
        known.keep(Names { containers: vec![in_pod, plain], pods: vec![pod], users });
        known
    }

    fn of(path: &str) -> Attribution {
        Attribution::of(&known(), &ByteString::from(path))
    }

    #[test]
    fn joins_path_and_names() {
        let found = of(&format!("/kubepods/burstable/pod{UID}/{}/init", id("a")));
        let (container, pod) = (found.container.unwrap(), found.pod.unwrap());
        assert_eq!((container.runtime, container.init_pid), (Some(Runtime::Containerd), Some(85)));
        assert_eq!(container.name, Some("web".into()));
        assert_eq!((pod.namespace, pod.name), (Some("prod".into()), Some("shop-7d9".into())));
        assert_eq!(pod.container, Some("web".into()));
    }

    #[test]
    fn names_a_pod_without_a_container() {
        let pod = of(&format!("/kubepods/burstable/pod{UID}")).pod.unwrap();
        assert_eq!((pod.name, pod.container), (Some("shop-7d9".into()), None));
    }

    #[test]
    fn names_the_pod_of_a_sandbox_of_kata() {
        let found = of(&format!("/kubepods/burstable/pod{UID}/kata_{}", id("d")));
        let (container, pod) = (found.container.unwrap(), found.pod.unwrap());
        assert_eq!((container.runtime, container.name), (Some(Runtime::Kata), None));
        assert_eq!((pod.namespace, pod.name), (Some("prod".into()), Some("shop-7d9".into())));
    }

    #[test]
    fn another_cgroup_of_the_same_identifier_has_no_name() {
        for path in [
            format!("/kubepods/besteffort/pod{UID}/{}", id("a")),
            format!("/user.slice/user-1000.slice/user@1000.service/docker-{}.scope", id("a")),
            format!("/docker/{}/kubepods/burstable/pod{UID}/{}", id("b"), id("a")),
        ] {
            let container = of(&path).container.unwrap();
            assert_eq!((container.name, container.init_pid), (None, None), "{path}");
        }
        let nested = of(&format!("/docker/{}/kubepods/burstable/pod{UID}", id("b"))).pod.unwrap();
        assert_eq!(nested.name, None);
        let delegated = of(&format!("/user.slice/user-1000.slice/user@1000.service/kubepods/pod{UID}"));
        assert_eq!(delegated.pod.unwrap().name, None, "a user can create this cgroup");
    }

    #[test]
    fn finds_a_container_by_its_cgroup_if_the_path_does_not_show_it() {
        assert_eq!(of("/box/child").container.unwrap().id, "box".into());
        assert_eq!(of("/boxes").container, None);
        assert_eq!(of("/other/box").container, None);
    }

    #[test]
    fn names_users_only_outside_of_containers() {
        let process = |path: &str, uid| {
            let path = ByteString::from(path);
            Attribution::of_process(&known(), Some(&path), Some(uid)).user
        };
        assert_eq!(process("/system.slice/a.service", 1000), Some("alice".into()));
        assert_eq!(process("/system.slice/a.service", 7), None);
        assert_eq!(process("/user.slice/user-7.slice/session-1.scope", 1001), Some("7".into()));
        assert_eq!(process(&format!("/docker/{}", id("c")), 1000), None);
    }
}
