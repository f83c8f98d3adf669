//! One pass over the type section, which records where each type lies and which types have which name.
//!
//! A kernel has about 130 000 types, and oomtrace needs fifty names. So nothing is allocated per type: four bytes hold its
//! position, and four the next type with the same hash of its name.

use super::{BtfError, Kind, header::Sections, record::Record};

/// Buckets of the name table; a power of two.
const BUCKETS: usize = 1 << 15;
/// The smallest record, for the first guess at the number of types.
const TYPICAL_BYTES: usize = 24;

/// Where types lie and how to find them by name.
pub(super) struct Index {
    /// The start of type `n`, at `n - 1`.
    starts: Vec<u32>,
    /// The first type of each bucket; 0 for none.
    heads: Vec<u32>,
    /// The next type in the same bucket as type `n`, at `n - 1`; 0 for none.
    next: Vec<u32>,
    /// Enums without a name. To find an enumerator, all of them are searched.
    anonymous_enums: Vec<u32>,
}

impl Index {
    /// Checks every record's lengths, and every id and name that it refers to.
    pub(super) fn build(data: &[u8], sections: &Sections) -> Result<Self, BtfError> {
        let types = data.get(sections.types.clone()).unwrap_or_default();
        let strings = data.get(sections.strings.clone()).unwrap_or_default();
        let mut index = Self::with_capacity(types.len() / TYPICAL_BYTES);
        let (mut highest_id, mut highest_name) = (0, 0);
        let mut rest = types;
        let mut at = sections.types.start;
        while !rest.is_empty() {
            let record = Record::read(rest, at)?;
            let (id, name) = record.references();
            highest_id = highest_id.max(id);
            highest_name = highest_name.max(name);
            index.push(&record, at, strings)?;
            at += record.len();
            rest = rest.get(record.len()..).unwrap_or_default();
        }
        let limit = Limits { count: index.count(), strings: strings.len() };
        if limit.exceeded(highest_id, highest_name) {
            return Err(limit.blame(types, sections.types.start));
        }
        Ok(index)
    }

    fn with_capacity(types: usize) -> Self {
        Self {
            starts: Vec::with_capacity(types),
            heads: vec![0; BUCKETS],
            next: Vec::with_capacity(types),
            anonymous_enums: Vec::new(),
        }
    }

    fn push(&mut self, record: &Record<'_>, at: usize, strings: &[u8]) -> Result<(), BtfError> {
        let too_large = |_| BtfError::Truncated {
            what: "a type beyond the first 4 GiB",
            offset: at,
            needed: record.len(),
            end: u32::MAX as usize,
        };
        self.starts.push(u32::try_from(at).map_err(too_large)?);
        let id = self.count();
        let mut chained = 0;
        if record.name != 0 {
            let hash = usize::try_from(record.name).map_or(0, |name| hash(strings.get(name..)));
            if let Some(head) = self.heads.get_mut(hash % BUCKETS) {
                chained = core::mem::replace(head, id);
            }
        } else if matches!(record.kind, Kind::Enum | Kind::Enum64) {
            self.anonymous_enums.push(id);
        }
        self.next.push(chained);
        Ok(())
    }

    /// The number of types. Ids run from 1 to this.
    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.starts.len()).unwrap_or(u32::MAX)
    }

    /// The byte where a type's record begins.
    pub(super) fn start(&self, id: u32) -> Option<usize> {
        let place = usize::try_from(id.checked_sub(1)?).ok()?;
        usize::try_from(*self.starts.get(place)?).ok()
    }

    /// Types that may have this name, the last one first.
    pub(super) fn candidates(&self, name: &str) -> impl Iterator<Item = u32> + use<'_> {
        let mut terminated = name.as_bytes().to_vec();
        terminated.push(0);
        let head = self.heads.get(hash(Some(&terminated)) % BUCKETS).copied().unwrap_or(0);
        core::iter::successors(Some(head), |id| {
            self.next.get(usize::try_from(id.checked_sub(1)?).ok()?).copied()
        })
        .take_while(|id| *id != 0)
    }

    /// The enums without a name.
    pub(super) fn anonymous_enums(&self) -> &[u32] {
        &self.anonymous_enums
    }
}

/// The limits that all references must stay below.
struct Limits {
    count: u32,
    strings: usize,
}

impl Limits {
    fn exceeded(&self, id: u32, name: u32) -> bool {
        id > self.count || usize::try_from(name).is_ok_and(|name| name >= self.strings)
    }

    /// A second pass over broken BTF, to find the broken record.
    fn blame(&self, types: &[u8], start: usize) -> BtfError {
        let mut rest = types;
        let mut offset = start;
        while let Ok(record) = Record::read(rest, offset) {
            let (id, name) = record.references();
            if id > self.count {
                return BtfError::Id { offset, id, count: self.count };
            }
            if self.exceeded(id, name) {
                return BtfError::Name { offset, name, len: self.strings };
            }
            offset += record.len();
            rest = rest.get(record.len()..).unwrap_or_default();
        }
        BtfError::Truncated { what: "a type", offset, needed: 0, end: offset }
    }
}

/// Hash of the bytes before the first NUL, eight at a time, because names are short and there are a hundred thousand of them.
fn hash(name: Option<&[u8]>) -> usize {
    let mut rest = name.unwrap_or_default();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    while let Some((chunk, tail)) = rest.split_first_chunk::<8>() {
        let word = u64::from_le_bytes(*chunk);
        let nul = word.wrapping_sub(0x0101_0101_0101_0101) & !word & 0x8080_8080_8080_8080;
        if nul != 0 {
            let before = (nul & nul.wrapping_neg()) >> 7;
            return fold(mix(state, word & before.wrapping_sub(1)));
        }
        state = mix(state, word);
        rest = tail;
    }
    let mut last = [0; 8];
    for (to, from) in last.iter_mut().zip(rest.iter().take_while(|byte| **byte != 0)) {
        *to = *from;
    }
    fold(mix(state, u64::from_le_bytes(last)))
}

fn mix(state: u64, word: u64) -> u64 {
    (state.rotate_left(23) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95)
}

/// The upper half, which is well mixed.
fn fold(state: u64) -> usize {
    usize::try_from(state >> 32).unwrap_or(0)
}
