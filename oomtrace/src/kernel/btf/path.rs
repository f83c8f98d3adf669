//! Resolves a path such as `memory.usage.counter` or `rss_stat[MM_ANONPAGES].count` to an offset.

use super::{Btf, BtfError, Kind, LookupError, Meaning, Type};

/// The maximum depth of nested unnamed structs.
const DEPTH: u32 = 16;
/// The maximum number of members examined for one path. `task_struct` has about 300.
const STEPS: u32 = 1 << 16;

/// The place that a path leads to within a struct, and its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Located<'a> {
    /// The offset from the start of the struct, in bits.
    pub bit_offset: u64,
    /// Its width in bits, if it is a bit field.
    pub bit_field: Option<u32>,
    /// The type there.
    pub meaning: Meaning<'a>,
}

/// A type at a distance from the start, while a path is followed.
#[derive(Clone, Copy)]
struct Place {
    id: u32,
    bit_offset: u64,
    bit_field: Option<u32>,
}

impl Btf {
    /// Finds `path` within the struct or union `of`. Members are separated by dots, and unnamed structs and unions are searched
    /// as in C. `[NAME]` is the array element at an enumerator of an unnamed enum, `[enum:NAME]` at one of a named enum, `[3]`
    /// at a number. Pointers are not followed.
    ///
    /// If several structs with this name have the path, they must agree.
    ///
    /// # Errors
    /// If the path has no unique answer.
    pub fn locate(&self, of: &str, path: &str) -> Result<Located<'_>, LookupError> {
        let mut found: Option<Located<'_>> = None;
        let mut missed = None;
        for root in self.named(of).filter(|root| matches!(root.kind(), Kind::Struct | Kind::Union)) {
            match (self.locate_in(&root, of, path), found) {
                (Ok(here), None) => found = Some(here),
                (Ok(here), Some(before)) if here == before => {}
                (Ok(here), Some(before)) => return Err(disagree(of, path, &before, &here)),
                (Err(LookupError::Btf(broken)), _) => return Err(broken.into()),
                (Err(why), _) => missed = missed.or(Some(why)),
            }
        }
        found.ok_or_else(|| {
            missed.unwrap_or_else(|| LookupError::NoType { kind: "struct", name: of.to_owned() })
        })
    }

    /// Size in bytes of the struct or union with this name.
    ///
    /// # Errors
    /// If there is none, or several disagree.
    pub fn size_of(&self, of: &str) -> Result<u32, LookupError> {
        let mut sizes = self
            .named(of)
            .filter(|root| matches!(root.kind(), Kind::Struct | Kind::Union))
            .filter_map(|root| root.size());
        let none = || LookupError::NoType { kind: "struct", name: of.to_owned() };
        let one = sizes.next().ok_or_else(none)?;
        match sizes.find(|other| *other != one) {
            None => Ok(one),
            Some(other) => Err(LookupError::Ambiguous {
                name: of.to_owned(),
                one: format!("{one} bytes"),
                other: format!("{other} bytes"),
            }),
        }
    }

    fn locate_in(&self, root: &Type<'_>, of: &str, path: &str) -> Result<Located<'_>, LookupError> {
        let mut steps = STEPS;
        let mut place = Place { id: root.id(), bit_offset: 0, bit_field: None };
        let mut walked = of.to_owned();
        for segment in path.split('.') {
            let (member, index) = match segment.split_once('[') {
                Some((member, rest)) => (member, Some(rest.trim_end_matches(']'))),
                None => (segment, None),
            };
            let no_member = || LookupError::NoMember { of: walked.clone(), member: member.to_owned() };
            place = self.member(place, member, DEPTH, &mut steps)?.ok_or_else(no_member)?;
            walked = format!("{walked}.{member}");
            if let Some(index) = index {
                place = self.element(place, index, &walked)?;
                walked = format!("{walked}[{index}]");
            }
        }
        let Place { id, bit_offset, bit_field } = place;
        Ok(Located { bit_offset, bit_field, meaning: self.meaning(id)? })
    }

    /// The member with this name of the struct at `place`. Unnamed members are searched as well.
    fn member(
        &self,
        place: Place,
        name: &str,
        depth: u32,
        steps: &mut u32,
    ) -> Result<Option<Place>, BtfError> {
        let Some(outer) = self.bare(place.id)? else {
            return Ok(None);
        };
        for (name_at, member) in outer.unread_members() {
            *steps = steps.checked_sub(1).ok_or(BtfError::Work { id: place.id, limit: STEPS })?;
            let inner = Place {
                id: member.of,
                bit_offset: place.bit_offset.saturating_add(u64::from(member.bit_offset)),
                bit_field: member.bit_field,
            };
            if self.is_name(name_at, name) {
                return Ok(Some(inner));
            }
            if !self.is_name(name_at, "") {
                continue;
            }
            let depth = depth.checked_sub(1).ok_or(BtfError::Depth { id: place.id, limit: DEPTH })?;
            if let Some(found) = self.member(inner, name, depth, steps)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn element(&self, place: Place, index: &str, path: &str) -> Result<Place, LookupError> {
        let array = self.bare(place.id)?.and_then(|bare| bare.array());
        let Some((element, count)) = array else {
            let found = self.meaning(place.id)?.to_string();
            return Err(LookupError::NotAnArray { path: path.to_owned(), found });
        };
        let value = match (index.parse(), index.split_once(':')) {
            (Ok(number), _) => number,
            (Err(_), Some((of, name))) => self.enumerator(Some(of), name)?,
            (Err(_), None) => self.enumerator(None, index)?,
        };
        let outside = || LookupError::Index { path: path.to_owned(), index: value, count };
        let at = u32::try_from(value).ok().filter(|at| *at < count).ok_or_else(outside)?;
        let stride = u64::from(self.size_of_type(element)?).saturating_mul(8);
        let bit_offset = place.bit_offset.saturating_add(stride.saturating_mul(u64::from(at)));
        Ok(Place { id: element, bit_offset, bit_field: None })
    }
}

impl Located<'_> {
    /// The offset in whole bytes; `None` for a bit field, or beyond 4 GiB.
    #[must_use]
    pub fn byte_offset(&self) -> Option<u32> {
        if self.bit_field.is_some() || !self.bit_offset.is_multiple_of(8) {
            return None;
        }
        u32::try_from(self.bit_offset / 8).ok()
    }
}

fn disagree(of: &str, path: &str, one: &Located<'_>, other: &Located<'_>) -> LookupError {
    let tell = |at: &Located<'_>| format!("{} at bit {}", at.meaning, at.bit_offset);
    LookupError::Ambiguous { name: format!("{of}.{path}"), one: tell(one), other: tell(other) }
}
