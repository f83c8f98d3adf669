//! Reads other names on the node: pods from the directories of their logs, and users.

use super::files::read;
use crate::{
    bytes::ByteString,
    context::{NamedPod, NamedUser},
};

/// Maximum number of users that are kept.
const USERS: usize = 4096;

/// Parses the name of a directory in `/var/log/pods`: `NAMESPACE_NAME_UID`. Namespaces and names never contain an underscore.
pub(super) fn pod(directory: &str) -> Option<NamedPod> {
    let mut parts = directory.split('_');
    let (namespace, name, uid) = (parts.next()?, parts.next()?, parts.next()?);
    let is_whole = parts.next().is_none() && ![namespace, name, uid].contains(&"");
    is_whole.then(|| NamedPod { uid: uid.to_owned(), name: name.into(), namespace: namespace.into() })
}

/// Reads the users in `/etc/passwd`.
pub(super) fn users() -> Vec<NamedUser> {
    let text = read(std::path::Path::new("/etc/passwd")).unwrap_or_default();
    text.split(|byte| *byte == b'\n').filter_map(user).take(USERS).collect()
}

fn user(line: &[u8]) -> Option<NamedUser> {
    let mut fields = line.split(|byte| *byte == b':');
    let name = fields.next().filter(|name| !name.is_empty())?;
    let uid = std::str::from_utf8(fields.nth(1)?).ok()?.parse().ok()?;
    Some(NamedUser { uid, name: ByteString::from(name.to_vec()) })
}

#[cfg(test)]
mod tests {
    use super::{pod, user, users};

    #[test]
    fn parses_a_pod_from_a_log_directory() {
        let found = pod("prod_shop-7d9_0d08203e-255a-11e9-8cd9-0007cb0b2cc8").unwrap();
        assert_eq!((found.namespace, found.name), ("prod".into(), "shop-7d9".into()));
        assert_eq!([pod("a_b"), pod("a_b_c_d"), pod("a__c"), pod("")], [None, None, None, None]);
    }

    #[test]
    fn parses_users_of_passwd() {
        assert_eq!(user(b"alice:x:1000:1000::/home/alice:/bin/sh").unwrap().name, "alice".into());
        assert_eq!([user(b""), user(b"a:x"), user(b"a:x:b:"), user(b":x:1:")], [None, None, None, None]);
        assert!(users().iter().any(|user| user.uid == 0), "root is a user");
    }
}
