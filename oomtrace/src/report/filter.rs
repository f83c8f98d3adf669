//! Filters reports by the memory that ran out and by the places of the victims.

use super::{Attribution, Report};

/// The shortest prefix of an identifier that is accepted. A shorter one would be ambiguous.
const SHORTEST_ID: usize = 12;

impl Report {
    /// Returns the places of the domain and of each victim.
    fn places(&self) -> impl Iterator<Item = &Attribution> {
        self.domain.place().into_iter().chain(self.victims.iter().map(|victim| &victim.process.place))
    }

    /// Returns whether the report concerns a container with this name or identifier. The first 12 digits of a long identifier are
    /// enough.
    #[must_use]
    pub fn is_of_container(&self, wanted: &[u8]) -> bool {
        self.places().any(|place| place.is_container(wanted))
    }

    /// Returns whether the report concerns a pod with this name, with or without its namespace (`prod/shop-7d9`), or with this
    /// identifier.
    #[must_use]
    pub fn is_of_pod(&self, wanted: &[u8]) -> bool {
        self.places().any(|place| place.is_pod(wanted))
    }

    /// Returns whether the report concerns a pod of this namespace.
    #[must_use]
    pub fn is_of_namespace(&self, wanted: &[u8]) -> bool {
        let namespaces = self.places().filter_map(|place| place.pod.as_ref()?.namespace.as_ref());
        namespaces.into_iter().any(|namespace| namespace.as_bytes() == wanted)
    }

    /// Returns whether the report concerns a systemd unit with this name.
    #[must_use]
    pub fn is_of_unit(&self, wanted: &[u8]) -> bool {
        self.places().any(|place| place.is_unit(wanted))
    }
}

impl Attribution {
    pub(super) fn is_container(&self, wanted: &[u8]) -> bool {
        self.container.as_ref().is_some_and(|container| {
            let id = container.id.as_bytes();
            let is_name = container.name.as_ref().is_some_and(|name| name.as_bytes() == wanted);
            is_name
                || id == wanted
                || (wanted.len() >= SHORTEST_ID && id.len() == 64 && id.starts_with(wanted))
        })
    }

    pub(super) fn is_pod(&self, wanted: &[u8]) -> bool {
        self.pod.as_ref().is_some_and(|pod| {
            let Some(name) = &pod.name else { return pod.uid.as_bytes() == wanted };
            let namespace =
                pod.namespace.as_ref().map(crate::bytes::ByteString::as_bytes).unwrap_or_default();
            let whole = [namespace, b"/", name.as_bytes()].concat();
            [name.as_bytes(), whole.as_slice(), pod.uid.as_bytes()].contains(&wanted)
        })
    }

    pub(super) fn is_unit(&self, wanted: &[u8]) -> bool {
        let units = [&self.unit, &self.slice];
        units.into_iter().flatten().any(|unit| unit.as_bytes() == wanted)
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        attribute::{Qos, Runtime},
        report::{Container, Pod, Report},
        sink::terminal::example,
    };

    fn report() -> Report {
        let mut report = example::memcg_kill();
        let place = &mut report.victims[0].process.place;
        place.container = Some(Container {
            runtime: Some(Runtime::Docker),
            id: "a1".repeat(32).as_str().into(),
            name: Some("web".into()),
            image: None,
            init_pid: None,
            lives_on: None,
        });
        place.pod = Some(Pod {
            uid: "u".to_owned(),
            name: Some("shop-7d9".into()),
            namespace: Some("prod".into()),
            qos: Qos::Burstable,
            container: None,
        });
        place.unit = Some("nginx.service".into());
        report
    }

    #[test]
    fn finds_a_container_by_name_and_identifier() {
        let report = report();
        let is_of = |wanted: &str| report.is_of_container(wanted.as_bytes());
        assert!(is_of("web") && is_of(&"a1".repeat(32)) && is_of(&"a1".repeat(6)));
        assert!(!is_of("we") && !is_of("a1a1a1") && !is_of(""));
    }

    #[test]
    fn finds_a_pod_a_namespace_and_a_unit() {
        let report = report();
        assert!(["shop-7d9", "prod/shop-7d9", "u"].iter().all(|wanted| report.is_of_pod(wanted.as_bytes())));
        assert!(!report.is_of_pod(b"test/shop-7d9") && !report.is_of_pod(b"shop"));
        assert!(report.is_of_namespace(b"prod") && !report.is_of_namespace(b"pro"));
        assert!(report.is_of_unit(b"nginx.service") && !report.is_of_unit(b"nginx"));
        assert!(!example::memcg_kill().is_of_container(b"web"));
    }
}
