//! Labels in the form that OpenMetrics requires.

use std::fmt::{self, Write as _};

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};

use super::super::facts::{Facts, Place};
use crate::bytes::ByteString;

/// A value that a process, a user or an engine chose. `prometheus-client` writes values unchanged, so they are escaped here:
/// first all bytes that are not text, then the three characters that the format escapes.
/// <https://github.com/prometheus/OpenMetrics/blob/v1.0.0/specification/OpenMetrics.md#abnf>
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Value(String);

impl Value {
    pub(super) fn of(bytes: Option<&ByteString>) -> Self {
        let words = bytes.map(ByteString::to_words).unwrap_or_default();
        Self(words.replace('\\', "\\\\").replace('"', "\\\""))
    }

    pub(super) const fn len(&self) -> usize {
        self.0.len()
    }
}

impl EncodeLabelValue for Value {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), fmt::Error> {
        encoder.write_str(&self.0)
    }
}

/// The labels of a decision. All values are from fixed lists.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Decision {
    cause: &'static str,
    policy: &'static str,
    domain: &'static str,
}

impl Decision {
    pub(super) fn of(facts: &Facts) -> Self {
        Self {
            cause: facts.cause.name(),
            policy: facts.policy.map(crate::explain::Policy::name).unwrap_or_default(),
            domain: facts.domain.unwrap_or_default(),
        }
    }
}

/// The labels of a victim.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Victim {
    pub(super) cause: &'static str,
    pub(super) role: &'static str,
}

/// The labels of a decision without a kill.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Cause {
    pub(super) cause: &'static str,
}

/// The labels of cAdvisor's `container_oom_events_total`.
/// <https://github.com/google/cadvisor/blob/v0.49.1/metrics/prometheus.go>
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Container {
    container: Value,
    id: Value,
    image: Value,
    name: Value,
    namespace: Value,
    pod: Value,
}

impl Container {
    pub(super) fn of(place: &Place) -> Self {
        Self {
            container: Value::of(place.pod_container.as_ref()),
            id: Value::of(place.cgroup.as_ref()),
            image: Value::of(place.image.as_ref()),
            name: Value::of(place.container.as_ref()),
            namespace: Value::of(place.namespace.as_ref()),
            pod: Value::of(place.pod.as_ref()),
        }
    }

    /// The labels for all victims that have none of their own. No cgroup's path looks like this, because each begins with a
    /// slash.
    pub(super) fn overflow() -> Self {
        let id = Value("(other)".to_owned());
        Self { id, ..Self::of(&Place::default()) }
    }

    /// The size of all values in bytes.
    pub(super) const fn len(&self) -> usize {
        let Self { container, id, image, name, namespace, pod } = self;
        container.len() + id.len() + image.len() + name.len() + namespace.len() + pod.len()
    }
}

#[cfg(test)]
mod tests {
    use super::Value;
    use crate::bytes::ByteString;

    #[test]
    fn value_cannot_end_a_label_or_a_line() {
        let value = |bytes: &[u8]| Value::of(Some(&ByteString::from(bytes.to_vec()))).0;
        assert_eq!(value(b"/a\"} 1\n\\x2d\xff"), r#"/a\"} 1\\n\\x2d\\xff"#);
        assert_eq!(value("/système".as_bytes()), "/système");
        assert_eq!(Value::of(None), Value::default());
    }
}
