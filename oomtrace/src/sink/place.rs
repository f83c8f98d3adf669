//! Short names of places, for people: "prod/shop-7d9 web", "nginx.service".

use super::terminal::sanitize::{cut, quoted};
use crate::{
    attribute::{Attribution, Container, Pod},
    bytes::ByteString,
};

/// The maximum number of columns of a name. Pods have up to 253 characters, and the names of containers can be longer.
const NAME_COLUMNS: usize = 64;

/// The number of digits of an identifier that engines display.
const SHORT_ID: usize = 12;

/// The container, pod, job, session or unit of a place; `None` if the path alone says it.
pub(super) fn label(place: &Attribution) -> Option<String> {
    let Attribution { container, pod, unit, session, user, job, .. } = place;
    if let Some(pod) = pod {
        return Some(
            [Some(self::pod(pod)), container.as_ref().map(self::container)]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join(" "),
        );
    }
    if let Some(container) = container {
        return Some(self::container(container));
    }
    if let Some(job) = job {
        return Some(format!("{} job {}", job.kind.name(), name(&job.id)));
    }
    match (session, user, unit) {
        (Some(session), Some(user), Some(unit)) if unit.as_bytes().starts_with(b"session-") => {
            Some(format!("session {} of {}", name(session), name(user)))
        }
        (_, _, Some(unit)) => Some(name(unit)),
        _ => None,
    }
}

/// The name of a container, or its engine and the beginning of its identifier if it has no name.
fn container(container: &Container) -> String {
    match &container.name {
        Some(known) => name(known),
        None => {
            let runtime = container.runtime.map(|runtime| format!("{} ", runtime.name()));
            format!("{}{}", runtime.unwrap_or_default(), short_id(&container.id))
        }
    }
}

/// The beginning of a long identifier. Names are shown completely.
fn short_id(id: &ByteString) -> String {
    let bytes = id.as_bytes();
    let is_long = bytes.len() == 64 && bytes.iter().all(u8::is_ascii_hexdigit);
    if is_long { name(&ByteString::from(bytes.get(..SHORT_ID).unwrap_or(bytes).to_vec())) } else { name(id) }
}

/// Namespace and name of a pod, or its identifier if they are not known.
fn pod(pod: &Pod) -> String {
    match (&pod.namespace, &pod.name) {
        (Some(namespace), Some(known)) => format!("{}/{}", name(namespace), name(known)),
        _ => format!("pod {}", pod.uid),
    }
}

/// A name that a user chose, cut and made safe.
fn name(bytes: &ByteString) -> String {
    quoted(&cut(bytes.as_bytes(), NAME_COLUMNS))
}

/// All known facts about a place as terms and descriptions, the container first.
pub(super) fn details(place: &Attribution) -> Vec<(&'static str, String)> {
    let Attribution { container, pod, unit, slice, user, session, job } = place;
    let plain = |term: &'static str, value: &Option<ByteString>| Some((term, name(value.as_ref()?)));
    let facts = [
        container.as_ref().map(|container| ("container", whole_container(container))),
        pod.as_ref().map(|pod| ("pod", whole_pod(pod))),
        job.as_ref().map(|job| ("job", format!("{} {}", job.kind.name(), name(&job.id)))),
        plain("unit", unit),
        plain("slice", slice),
        plain("user", user),
        plain("session", session),
    ];
    facts.into_iter().flatten().collect()
}

fn whole_container(container: &Container) -> String {
    let Container { runtime, id, name: known, image, init_pid, lives_on } = container;
    let runtime = runtime.map(|runtime| format!("{} ", runtime.name())).unwrap_or_default();
    let known = known.as_ref().map(|known| format!("{} ", name(known))).unwrap_or_default();
    let image = image.as_ref().map(|image| format!(", image {}", name(image))).unwrap_or_default();
    let goes_on = match (lives_on, init_pid) {
        (Some(true), Some(pid)) => format!("; keeps running: its init, pid {pid}, was not killed"),
        (Some(false), Some(pid)) => format!("; ends: its init, pid {pid}, was killed"),
        _ => String::new(),
    };
    format!("{known}({runtime}{}{image}){goes_on}", name(id))
}

fn whole_pod(pod: &Pod) -> String {
    let known = pod.namespace.as_ref().zip(pod.name.as_ref());
    let known = known.map(|(namespace, known)| format!("{}/{} ", name(namespace), name(known)));
    format!("{}(uid {}, {})", known.unwrap_or_default(), pod.uid, pod.qos.name())
}

#[cfg(test)]
mod tests {
    use super::{details, label};
    use crate::{
        attribute::{Attribution, Container, Job, JobKind, Pod, Qos, Runtime},
        bytes::ByteString,
    };

    fn container(name: Option<&str>) -> Container {
        Container {
            runtime: Some(Runtime::Docker),
            id: "0123456789abcdef".repeat(4).as_str().into(),
            name: name.map(ByteString::from),
            image: Some("nginx:1".into()),
            init_pid: Some(85),
            lives_on: Some(true),
        }
    }

    fn pod() -> Pod {
        Pod {
            uid: "u".to_owned(),
            name: Some("shop-7d9".into()),
            namespace: Some("prod".into()),
            qos: Qos::Burstable,
            container: None,
        }
    }

    #[test]
    fn prefers_the_container_then_the_job_then_the_unit() {
        let unit = Some(ByteString::from("nginx.service"));
        let of = |place: Attribution| label(&place).unwrap();
        let mut place = Attribution { unit: unit.clone(), ..Attribution::default() };
        assert_eq!(of(place.clone()), "nginx.service");
        place.job = Some(Job { kind: JobKind::Slurm, id: "12".into() });
        assert_eq!(of(place.clone()), "slurm job 12");
        place.container = Some(container(None));
        assert_eq!(of(place.clone()), "docker 0123456789ab");
        place.container = Some(container(Some("web")));
        assert_eq!(of(place.clone()), "web");
        place.pod = Some(pod());
        assert_eq!(of(place), "prod/shop-7d9 web");
        assert_eq!(label(&Attribution::default()), None);
    }

    #[test]
    fn names_a_session_with_its_user() {
        let place = Attribution {
            unit: Some("session-3.scope".into()),
            session: Some("3".into()),
            user: Some("alice".into()),
            ..Attribution::default()
        };
        assert_eq!(label(&place).unwrap(), "session 3 of alice");
    }

    #[test]
    fn cuts_and_escapes_names() {
        let place =
            Attribution { container: Some(container(Some(&"\x1b[2J".repeat(99)))), ..Attribution::default() };
        let text = label(&place).unwrap();
        assert!(text.chars().count() <= 66 && !text.contains('\x1b'), "{text}");
    }

    #[test]
    fn says_that_the_container_keeps_running() {
        let place = Attribution { container: Some(container(Some("web"))), ..Attribution::default() };
        let [(_, text)] = details(&place).try_into().unwrap();
        assert!(text.ends_with("image nginx:1); keeps running: its init, pid 85, was not killed"), "{text}");
    }
}
