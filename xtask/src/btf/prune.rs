//! Reduces a kernel's BTF to the types from which the layout and the facts are resolved.
//!
//! A struct at the start of a path keeps all its members, including unnamed ones and typedefs, so that a fixture has the shape
//! of the real BTF. Pointer targets become forward declarations. Large embedded structs become structs of the same size without
//! members.

use std::collections::{HashMap, HashSet};

use anyhow::{Context as _, Result, bail};

use super::kernel::{
    btf::{Btf, Head, Kind, Type, Writer},
    facts, require,
};

/// Embedded structs with at most this many members keep them.
const SMALL: usize = 32;
/// The maximum nesting of structs.
const DEPTH: u32 = 64;

/// Returns the pruned BTF.
pub(super) fn prune(whole: &Btf) -> Result<Vec<u8>> {
    let mut pruner = Pruner {
        whole,
        writer: Writer::new(),
        copied: HashMap::new(),
        forwards: HashMap::new(),
        roots: HashSet::new(),
    };
    for (kind, name) in require::roots() {
        pruner.root(kind, &name)?;
    }
    for name in [require::ENUMS, facts::ENUMS].concat() {
        for found in whole.enums(Some(name)) {
            pruner.whole_enum(&found)?;
        }
    }
    let wanted = [require::ENUMERATORS, facts::ENUMERATORS].concat();
    for found in whole.enums(None) {
        if found.enumerators().any(|entry| wanted.iter().any(|start| entry.name.starts_with(start))) {
            pruner.whole_enum(&found)?;
        }
    }
    Ok(pruner.writer.finish()?)
}

struct Pruner<'a> {
    whole: &'a Btf,
    writer: Writer,
    /// New ids of the copied types.
    copied: HashMap<u32, u32>,
    /// New ids of forward declarations, by name and whether it is a union.
    forwards: HashMap<(&'a str, bool), u32>,
    /// Names of structs that were already copied as roots.
    roots: HashSet<String>,
}

impl<'a> Pruner<'a> {
    /// Copies all types of this kind and name completely.
    fn root(&mut self, kind: Kind, name: &str) -> Result<()> {
        if !self.roots.insert(name.to_owned()) {
            return Ok(());
        }
        let kinds: &[Kind] = if kind == Kind::Struct { &[Kind::Struct, Kind::Union] } else { &[kind] };
        for found in kinds.iter().flat_map(|kind| self.whole.find(*kind, name)).collect::<Vec<_>>() {
            if kind == Kind::Struct {
                self.members(&found, DEPTH)?;
            } else if kind == Kind::Func {
                self.function(&found)?;
            } else {
                self.trace(&found)?;
            }
        }
        Ok(())
    }

    /// Copies a struct with its members.
    fn members(&mut self, found: &Type<'a>, depth: u32) -> Result<u32> {
        if let Some(known) = self.copied.get(&found.id()) {
            return Ok(*known);
        }
        let depth = depth.checked_sub(1).context("structs nested too deep")?;
        let mut tail = Vec::new();
        let members: Vec<_> = found.members().collect();
        let bit_fields = members.iter().any(|member| member.bit_field.is_some());
        for member in members {
            let of = self.value(member.of, depth)?;
            let width = if bit_fields { member.bit_field.unwrap_or(0) << 24 } else { 0 };
            tail.extend([self.writer.name(member.name)?, of, width | member.bit_offset]);
        }
        let head =
            Head { flag: bit_fields, ..Head::new(found.kind(), found.name(), found.size().unwrap_or(0)) };
        self.add(found, head, &tail)
    }

    /// Copies a type that is used by value: with its size, and with its members if it is small.
    fn value(&mut self, id: u32, depth: u32) -> Result<u32> {
        if id == 0 {
            return Ok(0);
        }
        if let Some(known) = self.copied.get(&id) {
            return Ok(*known);
        }
        let depth = depth.checked_sub(1).context("types nested too deep")?;
        let found = self.whole.type_at(id)?;
        let size = found.size().unwrap_or(0);
        match found.kind() {
            Kind::Struct | Kind::Union if found.name().is_empty() || self.is_small(&found) => {
                self.members(&found, depth)
            }
            Kind::Struct | Kind::Union => self.add(&found, Head::new(found.kind(), found.name(), size), &[]),
            Kind::Enum | Kind::Enum64 => self.add(&found, Head::new(found.kind(), found.name(), size), &[]),
            Kind::Int => {
                let encoding = u32::from(found.signed()) << 24 | (size * 8);
                self.add(&found, Head::new(Kind::Int, found.name(), size), &[encoding])
            }
            Kind::Ptr => {
                let to = self.target(found.refers_to().unwrap_or(0))?;
                self.add(&found, Head::new(Kind::Ptr, "", to), &[])
            }
            Kind::Array => {
                let (element, count) = found.array().context("an array without elements")?;
                let element = self.value(element, depth)?;
                self.add(&found, Head::new(Kind::Array, "", 0), &[element, element, count])
            }
            Kind::Typedef | Kind::Volatile | Kind::Const | Kind::Restrict | Kind::TypeTag => {
                let below = self.value(found.refers_to().unwrap_or(0), depth)?;
                self.add(&found, Head::new(found.kind(), found.name(), below), &[])
            }
            Kind::Fwd | Kind::Float => self.add(&found, Head::new(found.kind(), found.name(), size), &[]),
            kind @ (Kind::Func | Kind::FuncProto | Kind::Var | Kind::DataSec | Kind::DeclTag) => {
                bail!("type {id}, a {}, as a member", kind.name())
            }
        }
    }

    fn is_small(&self, found: &Type<'_>) -> bool {
        found.members().count() <= SMALL || self.roots.contains(found.name())
    }

    /// Copies a pointer target: an integer completely, a struct as its name, and any other type as nothing.
    fn target(&mut self, id: u32) -> Result<u32> {
        let mut at = id;
        for _ in 0..DEPTH {
            if at == 0 {
                return Ok(0);
            }
            let found = self.whole.type_at(at)?;
            let (kind, name) = (found.kind(), found.name());
            if kind == Kind::Int {
                return self.value(at, DEPTH);
            }
            if matches!(kind, Kind::Struct | Kind::Union | Kind::Fwd) && !name.is_empty() {
                return self.forward(name, kind == Kind::Union);
            }
            if !matches!(kind, Kind::Typedef | Kind::Volatile | Kind::Const | Kind::Restrict | Kind::TypeTag)
            {
                return Ok(0);
            }
            at = found.refers_to().unwrap_or(0);
        }
        bail!("type {id} is wrapped too deep")
    }

    fn forward(&mut self, name: &'a str, union: bool) -> Result<u32> {
        if let Some(known) = self.forwards.get(&(name, union)) {
            return Ok(*known);
        }
        let id = self.writer.add(Head { flag: union, ..Head::new(Kind::Fwd, name, 0) }, &[])?;
        self.forwards.insert((name, union), id);
        Ok(id)
    }

    fn function(&mut self, found: &Type<'a>) -> Result<u32> {
        let prototype = self.prototype(found.refers_to())?;
        self.add(found, Head { linkage: 1, ..Head::new(Kind::Func, found.name(), prototype) }, &[])
    }

    /// Copies `typedef void (*btf_trace_NAME)(…)`.
    fn trace(&mut self, found: &Type<'a>) -> Result<u32> {
        let pointer = self.whole.type_at(found.refers_to().unwrap_or(0))?;
        let prototype = self.prototype(pointer.refers_to())?;
        let pointer = self.writer.add(Head::new(Kind::Ptr, "", prototype), &[])?;
        self.add(found, Head::new(Kind::Typedef, found.name(), pointer), &[])
    }

    fn prototype(&mut self, id: Option<u32>) -> Result<u32> {
        let found = self.whole.type_at(id.unwrap_or(0))?;
        let result = self.value(found.refers_to().unwrap_or(0), DEPTH)?;
        let mut tail = Vec::new();
        for parameter in found.parameters() {
            let of = self.value(parameter.of, DEPTH)?;
            tail.extend([self.writer.name(parameter.name)?, of]);
        }
        Ok(self.writer.add(Head::new(Kind::FuncProto, "", result), &tail)?)
    }

    fn whole_enum(&mut self, found: &Type<'a>) -> Result<u32> {
        let mut tail = Vec::new();
        for entry in found.enumerators() {
            tail.push(self.writer.name(entry.name)?);
            let [low, high] = halves(entry.value);
            tail.push(low);
            if found.kind() == Kind::Enum64 {
                tail.push(high);
            }
        }
        let size = found.size().unwrap_or(0);
        let head = Head { flag: found.signed(), ..Head::new(found.kind(), found.name(), size) };
        Ok(self.writer.add(head, &tail)?)
    }

    fn add(&mut self, found: &Type<'_>, head: Head<'_>, tail: &[u32]) -> Result<u32> {
        let id = self.writer.add(head, tail)?;
        self.copied.insert(found.id(), id);
        Ok(id)
    }
}

/// The lower two words of a value in two's complement.
fn halves(value: i128) -> [u32; 2] {
    let [a, b, c, d, e, f, g, h, ..] = value.to_le_bytes();
    [u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h])]
}
