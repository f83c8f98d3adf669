//! Parameters of functions and arguments of tracepoints, by position from 0.

use super::{Btf, Kind, LookupError, Meaning, Parameter, Type};

/// One parameter with its name and meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Argument<'a> {
    /// The name; empty if BTF has none.
    pub name: &'a str,
    /// The type, without typedefs and qualifiers.
    pub meaning: Meaning<'a>,
}

impl Btf {
    /// The parameters of a function in BTF. BTF lacks functions that the compiler inlined or whose signature it changed.
    ///
    /// # Errors
    /// If there is no function with this name, or several disagree.
    pub fn parameters(&self, function: &str) -> Result<Vec<Argument<'_>>, LookupError> {
        self.agreeing(Kind::Func, function, |found| self.prototype(found.refers_to(), 0))
    }

    /// The arguments of a tracepoint as a `tp_btf` program counts them: without the leading `void *__data`. They come from
    /// `typedef void (*btf_trace_NAME)(void *, …)`, whose parameters have no names.
    /// <https://github.com/torvalds/linux/blob/v6.12/include/trace/bpf_probe.h#L82>
    ///
    /// # Errors
    /// If this kernel has no such tracepoint, or several disagree.
    pub fn trace_arguments(&self, event: &str) -> Result<Vec<Argument<'_>>, LookupError> {
        let typedef = format!("btf_trace_{event}");
        self.agreeing(Kind::Typedef, &typedef, |found| {
            let pointer = self.bare(found.id())?.and_then(|bare| bare.refers_to());
            self.prototype(pointer, 1)
        })
    }

    /// The value that all types of this kind and name agree on.
    fn agreeing<'a>(
        &'a self,
        kind: Kind,
        name: &str,
        read: impl Fn(Type<'a>) -> Result<Vec<Argument<'a>>, LookupError>,
    ) -> Result<Vec<Argument<'a>>, LookupError> {
        let mut answers = self.named(name).filter(|found| found.kind() == kind).map(read);
        let none = || LookupError::NoType { kind: kind.name(), name: name.to_owned() };
        let one = answers.next().ok_or_else(none)??;
        for other in answers {
            let other = other?;
            if other != one {
                let tell = |list: &[Argument<'_>]| format!("{} parameters", list.len());
                return Err(LookupError::Ambiguous {
                    name: name.to_owned(),
                    one: tell(&one),
                    other: tell(&other),
                });
            }
        }
        Ok(one)
    }

    fn prototype(&self, id: Option<u32>, skip: usize) -> Result<Vec<Argument<'_>>, LookupError> {
        let Some(bare) = self.bare(id.unwrap_or(0))?.filter(|bare| bare.kind() == Kind::FuncProto) else {
            return Err(LookupError::NoType { kind: "function prototype", name: String::new() });
        };
        let argument = |Parameter { name, of }| Ok(Argument { name, meaning: self.meaning(of)? });
        bare.parameters().skip(skip).map(argument).collect()
    }
}
