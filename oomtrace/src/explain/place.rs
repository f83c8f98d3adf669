//! Places in the words of a sentence: "container web of pod prod/shop-7d9".

use std::fmt;

use crate::{
    attribute::{Attribution, Container, Pod, cgroup},
    bytes::ByteString,
    incident::{Incident, Role},
};

/// The maximum number of characters of a name in a sentence.
const NAME_CHARACTERS: usize = 64;

/// The number of digits of an identifier that engines display.
const SHORT_ID: usize = 12;

/// A cgroup in words.
pub(super) enum Place {
    /// A container, pod, unit or job by name.
    Named(String),
    /// A cgroup by its path.
    Path(String),
}

impl fmt::Display for Place {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Named(words) | Self::Path(words)) = self;
        to.write_str(words)
    }
}

/// Names a cgroup: by what it is, by its path, or by both if the cgroup is only a part of a container, pod or unit.
pub(super) fn of_cgroup(incident: &Incident, id: u64) -> Place {
    let path = cgroup::path(&incident.memcgs, id);
    let Some(path) = path else { return Place::Path("a memory cgroup".to_owned()) };
    let place = Attribution::of(&incident.names, &path);
    match words(&place) {
        Some(words) if is_whole(incident, &path, &place) => Place::Named(words),
        Some(words) => Place::Named(format!("{} in {words}", path.to_words())),
        None => Place::Path(path.to_words()),
    }
}

/// Says that the container of the chosen victim keeps running. Its engine then reports no OOM kill.
pub(super) fn keeps_running(incident: &Incident) -> Option<String> {
    let chosen = incident.victims.iter().find(|victim| victim.role == Role::Chosen)?;
    let path = cgroup::path_of(incident, chosen.task.memcg?)?;
    let container = Attribution::of(&incident.names, &path).container?;
    let init = container.init_pid?;
    let is_killed = incident.victims.iter().any(|victim| victim.task.pid == Some(init));
    (!is_killed).then(|| {
        format!("; {} keeps running: its init (pid {init}) was not killed", self::container(&container))
    })
}

/// Whether the parent cgroup belongs to something else. Then this cgroup is the container, pod or unit itself.
fn is_whole(incident: &Incident, path: &ByteString, place: &Attribution) -> bool {
    let bytes = path.as_bytes();
    let slash = bytes.iter().rposition(|byte| *byte == b'/').unwrap_or_default();
    let above = ByteString::from(bytes.get(..slash).unwrap_or_default().to_vec());
    let above = Attribution::of(&incident.names, &above);
    above.container != place.container
        || above.pod != place.pod
        || above.unit != place.unit
        || above.job != place.job
}

/// The container, the pod, the job, the session or the unit.
fn words(place: &Attribution) -> Option<String> {
    let Attribution { container, pod, unit, user, session, job, .. } = place;
    match (container, pod, job) {
        (Some(container), Some(pod), _) => {
            Some(format!("{} of {}", self::container(container), self::pod(pod)))
        }
        (Some(container), None, _) => Some(self::container(container)),
        (None, Some(pod), _) => Some(self::pod(pod)),
        (None, None, Some(job)) => Some(format!("{} job {}", job.kind.name(), name(&job.id))),
        (None, None, None) => match (session, user) {
            (Some(session), Some(user)) => Some(format!("session {} of {}", name(session), name(user))),
            _ => unit.as_ref().map(name),
        },
    }
}

/// "container web", or "docker container 0123456789ab" if it has no name.
pub(super) fn container(container: &Container) -> String {
    match (&container.name, container.runtime) {
        (Some(known), _) => format!("container {}", name(known)),
        (None, Some(runtime)) => format!("{} container {}", runtime.name(), short_id(&container.id)),
        (None, None) => format!("container {}", short_id(&container.id)),
    }
}

fn pod(pod: &Pod) -> String {
    match (&pod.namespace, &pod.name) {
        (Some(namespace), Some(known)) => format!("pod {}/{}", name(namespace), name(known)),
        _ => format!("pod {}", pod.uid),
    }
}

fn short_id(id: &ByteString) -> String {
    let bytes = id.as_bytes();
    let is_long = bytes.len() == 64 && bytes.iter().all(u8::is_ascii_hexdigit);
    if is_long { name(&ByteString::from(bytes.get(..SHORT_ID).unwrap_or(bytes).to_vec())) } else { name(id) }
}

fn name(bytes: &ByteString) -> String {
    bounded(&bytes.to_words(), NAME_CHARACTERS)
}

/// A text cut to a maximum number of characters.
pub(super) fn bounded(text: &str, characters: usize) -> String {
    if text.chars().count() <= characters {
        return text.to_owned();
    }
    text.chars().take(characters.saturating_sub(1)).chain(['\u{2026}']).collect()
}

#[cfg(test)]
mod tests {
    use super::{bounded, words};
    use crate::{
        attribute::{Attribution, Container, Pod, Qos, Runtime},
        bytes::ByteString,
        incident::KnownNames,
    };

    fn of_path(path: &str) -> Option<String> {
        words(&Attribution::of(&KnownNames::default(), &ByteString::from(path)))
    }

    #[test]
    fn uses_the_identifier_of_a_place_without_a_name() {
        let id = "0123456789abcdef".repeat(4);
        assert_eq!(of_path(&format!("/docker/{id}")).unwrap(), "docker container 0123456789ab");
        assert_eq!(of_path("/system.slice/nginx.service").unwrap(), "nginx.service");
        let session = of_path("/user.slice/user-1000.slice/session-3.scope");
        assert_eq!(session.unwrap(), "session 3 of 1000");
        assert_eq!(of_path("/a/b"), None);
    }

    #[test]
    fn names_the_container_and_its_pod() {
        let place = Attribution {
            container: Some(Container {
                runtime: Some(Runtime::Containerd),
                id: "id".into(),
                name: Some("web".into()),
                image: None,
                init_pid: None,
                lives_on: None,
            }),
            pod: Some(Pod {
                uid: "uid".to_owned(),
                name: Some("shop-7d9".into()),
                namespace: Some("prod".into()),
                qos: Qos::Burstable,
                container: None,
            }),
            ..Attribution::default()
        };
        assert_eq!(words(&place).unwrap(), "container web of pod prod/shop-7d9");
    }

    #[test]
    fn cuts_long_names() {
        assert_eq!(bounded("abcdef", 6), "abcdef");
        assert_eq!(bounded("abcdefg", 6), "abcde\u{2026}");
    }
}
