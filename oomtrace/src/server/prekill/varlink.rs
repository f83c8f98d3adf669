//! The calls that systemd-oomd makes, and their replies. <https://varlink.org/Method-Call>

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{json, value::RawValue};

use crate::source::prekill::is_plain_path;

/// The interface of systemd-oomd's hook.
/// <https://github.com/systemd/systemd/blob/v260/src/shared/varlink-io.systemd.oom.Prekill.c>
const INTERFACE: &str = "io.systemd.oom.Prekill";

/// The interface that every service has.
const SERVICE: &str = "org.varlink.service";

/// The answer to a call.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// The reply with its NUL; `None` if the caller wants none.
    pub(super) reply: Option<Vec<u8>>,
    /// The cgroup that is about to be killed.
    pub(super) cgroup: Option<String>,
}

#[derive(Deserialize)]
struct Call<'a> {
    #[serde(borrow)]
    method: Cow<'a, str>,
    #[serde(borrow, default)]
    parameters: Option<&'a RawValue>,
    #[serde(default)]
    oneway: bool,
}

#[derive(Deserialize)]
struct Notify {
    cgroup: String,
}

/// Answers a call.
///
/// # Errors
///
/// If it is not a call. The connection must then be closed.
pub(super) fn answer(call: &[u8]) -> serde_json::Result<Answer> {
    let call: Call<'_> = serde_json::from_slice(call)?;
    let method = &*call.method;
    let (interface, name) = method.rsplit_once('.').unwrap_or((method, ""));
    let (reply, cgroup) = match (interface, name) {
        (INTERFACE, "Notify") => notify(call.parameters),
        (SERVICE, "GetInfo") => (done(&info()), None),
        (INTERFACE | SERVICE, _) => {
            (error("org.varlink.service.MethodNotFound", Some(("method", method))), None)
        }
        _ => (error("org.varlink.service.InterfaceNotFound", Some(("interface", interface))), None),
    };
    Ok(Answer { reply: (!call.oneway).then_some(reply), cgroup })
}

fn notify(parameters: Option<&RawValue>) -> (Vec<u8>, Option<String>) {
    let notify: Option<Notify> =
        parameters.and_then(|parameters| serde_json::from_str(parameters.get()).ok());
    match notify.filter(|notify| is_plain_path(notify.cgroup.as_bytes())) {
        Some(Notify { cgroup }) => (done(&json!({})), Some(cgroup)),
        None => (error("org.varlink.service.InvalidParameter", Some(("parameter", "cgroup"))), None),
    }
}

fn info() -> serde_json::Value {
    json!({
        "vendor": "oomtrace", "product": "oomtrace", "version": env!("CARGO_PKG_VERSION"),
        "url": env!("CARGO_PKG_REPOSITORY"), "interfaces": [SERVICE, INTERFACE],
    })
}

fn done(parameters: &serde_json::Value) -> Vec<u8> {
    message(&json!({ "parameters": parameters }))
}

/// An error, with the parameter that says what it is about.
pub(super) fn error(name: &str, about: Option<(&str, &str)>) -> Vec<u8> {
    let parameters = about.map_or_else(|| json!({}), |(key, value)| json!({ key: value }));
    message(&json!({ "error": name, "parameters": parameters }))
}

fn message(value: &serde_json::Value) -> Vec<u8> {
    format!("{value}\0").into_bytes()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Answer, answer};

    fn asked(call: &Value) -> (Value, Option<String>) {
        let Answer { reply, cgroup } = answer(call.to_string().as_bytes()).unwrap();
        let reply = reply.unwrap();
        (serde_json::from_slice(reply.strip_suffix(b"\0").unwrap()).unwrap(), cgroup)
    }

    fn notify(parameters: &Value) -> (Value, Option<String>) {
        asked(&json!({ "method": "io.systemd.oom.Prekill.Notify", "parameters": parameters }))
    }

    #[test]
    fn hears_an_announcement_and_ignores_what_it_does_not_know() {
        let heard = (json!({ "parameters": {} }), Some("/a.slice/b.service".to_owned()));
        assert_eq!(notify(&json!({ "cgroup": "/a.slice/b.service" })), heard);
        assert_eq!(notify(&json!({ "cgroup": "/a.slice/b.service", "later": { "key": [1] } })), heard);
        let oneway =
            br#"{"method":"io.systemd.oom.Prekill.Notify","parameters":{"cgroup":"/a"},"oneway":true}"#;
        assert_eq!(answer(oneway).unwrap(), Answer { reply: None, cgroup: Some("/a".to_owned()) });
    }

    #[test]
    fn refuses_hostile_cgroups() {
        let refused = json!({ "error": "org.varlink.service.InvalidParameter", "parameters": { "parameter": "cgroup" } });
        let long = "/x".repeat(4096);
        for path in ["", "/", "a", "//a", "/a//b", "/../etc", "/a/../..", "/a/.", "/a/", "/a\0b", &long] {
            assert_eq!(notify(&json!({ "cgroup": path })), (refused.clone(), None), "{path:?}");
        }
        for parameters in
            [json!(null), json!({}), json!([]), json!({ "cgroup": 1 }), json!({ "cgroup": null })]
        {
            assert_eq!(notify(&parameters), (refused.clone(), None), "{parameters}");
        }
        let deep = format!(
            "{{\"method\":\"io.systemd.oom.Prekill.Notify\",\"parameters\":{}{}}}",
            "[".repeat(9000),
            "]".repeat(9000)
        );
        assert_eq!(answer(deep.as_bytes()).unwrap().cgroup, None);
        let without = asked(&json!({ "method": "io.systemd.oom.Prekill.Notify" }));
        assert_eq!(without, (refused, None));
    }

    #[test]
    fn answers_other_methods_as_varlink_says() {
        let method = |name: &str| asked(&json!({ "method": name }));
        let (info, none) = method("org.varlink.service.GetInfo");
        assert_eq!((&info["parameters"]["interfaces"][1], none), (&json!("io.systemd.oom.Prekill"), None));
        for (name, error, about) in [
            (
                "io.systemd.oom.Prekill.Other",
                "MethodNotFound",
                json!({ "method": "io.systemd.oom.Prekill.Other" }),
            ),
            ("org.varlink.service.X", "MethodNotFound", json!({ "method": "org.varlink.service.X" })),
            ("a.b.Notify", "InterfaceNotFound", json!({ "interface": "a.b" })),
            ("", "InterfaceNotFound", json!({ "interface": "" })),
        ] {
            let wanted = json!({ "error": format!("org.varlink.service.{error}"), "parameters": about });
            assert_eq!(method(name), (wanted, None));
        }
    }

    #[test]
    fn what_is_not_a_call_is_an_error() {
        let noise: Vec<u8> = (0..=255).collect();
        for call in [
            &b""[..],
            b"{",
            b"[]",
            b"null",
            b"{}",
            br#"{"method":1}"#,
            br#"{"method":"a.b","oneway":2}"#,
            b"\xff",
            &noise,
        ] {
            assert!(answer(call).is_err(), "{call:?}");
        }
    }
}
