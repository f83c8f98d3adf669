//! What a report says of a place: its path, and the names that were told.

use serde::Serialize;

use super::{Job, PathContainer, PathPod, Place, Qos, Runtime};
use crate::{bytes::ByteString, context::NamedContainer, incident::KnownNames};

/// The container, the pod, the unit, the user and the job of a cgroup; each absent where there is none or nothing says so.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Attribution {
    /// The innermost container.
    pub container: Option<Container>,
    /// The innermost pod.
    pub pod: Option<Pod>,
    /// The innermost systemd unit that is no slice.
    pub unit: Option<ByteString>,
    /// The slice that holds it.
    pub slice: Option<ByteString>,
    /// The user: name, or number where there is no name.
    pub user: Option<ByteString>,
    /// The login session.
    pub session: Option<ByteString>,
    /// The batch job.
    pub job: Option<Job>,
}

/// A container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Container {
    /// What runs it.
    pub runtime: Option<Runtime>,
    /// In full.
    pub id: ByteString,
    /// As its engine calls it.
    pub name: Option<ByteString>,
    /// What it was made of.
    pub image: Option<ByteString>,
    /// Its first process.
    pub init_pid: Option<i32>,
    /// Of a victim's container: its first process was not among the victims, so that the container goes on.
    pub lives_on: Option<bool>,
}

/// A Kubernetes pod.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pod {
    /// In full.
    pub uid: String,
    /// Its name.
    pub name: Option<ByteString>,
    /// The namespace it is in.
    pub namespace: Option<ByteString>,
    /// Its class.
    pub qos: Qos,
    /// The name that the container has in the pod.
    pub container: Option<ByteString>,
}

impl Attribution {
    /// Of a path below the mount of the memory hierarchy.
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

    /// The same of a process of that user. In a container the numbers are its own, and the machine's names are not theirs.
    #[must_use]
    pub fn of_process(names: &KnownNames, path: Option<&ByteString>, uid: Option<u32>) -> Self {
        path.map(|path| Self::of(names, path)).unwrap_or_default().of_user(names, uid)
    }

    /// This place, and the user of a process in it.
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

/// What the files of the node tell of the container that is the outermost of a path; an inner one is not known to them. One
/// that the path does not show is known by its whole cgroup.
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

/// A path and what is above it, the root left out.
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
    fn joins_the_path_and_the_names() {
        let found = of(&format!("/kubepods/burstable/pod{UID}/{}/init", id("a")));
        let (container, pod) = (found.container.unwrap(), found.pod.unwrap());
        assert_eq!((container.runtime, container.init_pid), (Some(Runtime::Containerd), Some(85)));
        assert_eq!(container.name, Some("web".into()));
        assert_eq!((pod.namespace, pod.name), (Some("prod".into()), Some("shop-7d9".into())));
        assert_eq!(pod.container, Some("web".into()));
    }

    #[test]
    fn names_a_pod_by_itself() {
        let pod = of(&format!("/kubepods/burstable/pod{UID}")).pod.unwrap();
        assert_eq!((pod.name, pod.container), (Some("shop-7d9".into()), None));
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
    }

    #[test]
    fn a_container_that_the_path_does_not_show_is_known_by_its_cgroup() {
        assert_eq!(of("/box/child").container.unwrap().id, "box".into());
        assert_eq!(of("/boxes").container, None);
        assert_eq!(of("/other/box").container, None);
    }

    #[test]
    fn names_a_user_outside_of_containers_alone() {
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
