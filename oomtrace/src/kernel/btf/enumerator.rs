//! Values of enumerators by name, in named and unnamed enums.

use super::{Btf, Kind, LookupError, Type};

impl Btf {
    /// The value of an enumerator: in the enum with the name `of`, or in any unnamed enum.
    ///
    /// # Errors
    /// If there is no such enumerator, or several have different values.
    pub fn enumerator(&self, of: Option<&str>, name: &str) -> Result<i128, LookupError> {
        let mut found: Option<i128> = None;
        for holder in self.enums(of) {
            for (_, value) in holder.unread_enumerators().filter(|(at, _)| self.is_name(*at, name)) {
                match found {
                    Some(before) if before != value => {
                        return Err(LookupError::Ambiguous {
                            name: name.to_owned(),
                            one: before.to_string(),
                            other: value.to_string(),
                        });
                    }
                    _ => found = Some(value),
                }
            }
        }
        found.ok_or_else(|| LookupError::NoEnumerator {
            name: of.map_or_else(|| name.to_owned(), |of| format!("{of}:{name}")),
        })
    }

    /// The enums with this name, or all unnamed enums.
    pub fn enums(&self, of: Option<&str>) -> impl Iterator<Item = Type<'_>> {
        let unnamed = if of.is_none() { self.index.anonymous_enums() } else { &[] };
        let named = of.into_iter().flat_map(|name| self.named(name));
        unnamed
            .iter()
            .filter_map(|id| self.type_at(*id).ok())
            .chain(named)
            .filter(|found| matches!(found.kind(), Kind::Enum | Kind::Enum64))
    }
}
