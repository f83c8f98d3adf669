//! The walker on BTF that is built for the test.

use super::fixture::Sketch;
use crate::kernel::btf::{Btf, Kind, Located, LookupError, Meaning, RUNNING_KERNEL};

fn offset(btf: &Btf, of: &str, path: &str) -> u32 {
    btf.locate(of, path).unwrap().byte_offset().unwrap()
}

#[test]
fn adds_offsets_of_unnamed_structs() {
    let mut sketch = Sketch::new();
    let int = sketch.int("int", 4, true);
    let deep = sketch.group(Kind::Struct, "", 8, &[("first", int, 0), ("second", int, 32)]);
    let union = sketch.group(Kind::Union, "", 8, &[("alias", int, 0), ("", deep, 0)]);
    sketch.group(Kind::Struct, "outer", 16, &[("head", int, 0), ("", union, 64)]);
    let btf = sketch.btf();
    assert_eq!(offset(&btf, "outer", "head"), 0);
    assert_eq!(offset(&btf, "outer", "alias"), 8);
    assert_eq!(offset(&btf, "outer", "second"), 12);
    assert_eq!(btf.locate("outer", "third").unwrap_err().to_string(), "`outer` has no member `third`");
}

#[test]
fn follows_typedefs_qualifiers_and_arrays() {
    let mut sketch = Sketch::new();
    let long = sketch.int("long int", 8, true);
    let atomic = sketch.group(Kind::Struct, "", 8, &[("counter", long, 0)]);
    let typedef = sketch.wrap(Kind::Typedef, "atomic64_t", atomic);
    let volatile = sketch.wrap(Kind::Volatile, "", typedef);
    let tagged = sketch.wrap(Kind::TypeTag, "rcu", volatile);
    let array = sketch.array(tagged, 4);
    sketch.group(Kind::Struct, "holder", 40, &[("count", array, 64)]);
    sketch.enumeration("", false, &[("MM_FILEPAGES", 0), ("MM_ANONPAGES", 1), ("NR_MM", 4)]);
    sketch.enumeration("kind", false, &[("KIND_LAST", 3)]);
    let btf = sketch.btf();
    assert_eq!(offset(&btf, "holder", "count[MM_ANONPAGES].counter"), 16);
    assert_eq!(offset(&btf, "holder", "count[kind:KIND_LAST].counter"), 32);
    assert_eq!(offset(&btf, "holder", "count[2]"), 24);
    let refusal = |path| btf.locate("holder", path).unwrap_err().to_string();
    assert_eq!(refusal("count[NR_MM].counter"), "`holder.count` has 4 elements, none at 4");
    assert_eq!(refusal("count[MM_SWAPENTS]"), "there is no enumerator `MM_SWAPENTS`");
    assert_eq!(
        refusal("count[0].counter[0]"),
        "`holder.count[0].counter` is not an array but a signed 8-byte integer"
    );
}

#[test]
fn meaning_has_size_sign_and_target() {
    let mut sketch = Sketch::new();
    let short = sketch.int("short int", 2, true);
    let forward = sketch.wrap(Kind::Fwd, "cred", 0);
    let constant = sketch.wrap(Kind::Const, "", forward);
    let pointer = sketch.wrap(Kind::Ptr, "", constant);
    let text = sketch.array(short, 16);
    let choice = sketch.enumeration("choice", false, &[("ONE", 1)]);
    let members = [("a", short, 0), ("b", pointer, 64), ("c", text, 128), ("d", choice, 512)];
    sketch.group(Kind::Struct, "all", 72, &members);
    let btf = sketch.btf();
    let meaning = |path| btf.locate("all", path).unwrap().meaning;
    assert_eq!(meaning("a"), Meaning::Int { size: 2, signed: true });
    assert_eq!(meaning("b"), Meaning::Pointer { to: "cred" });
    assert_eq!(meaning("c"), Meaning::Array { count: 16, element_size: 2 });
    assert_eq!(meaning("d"), Meaning::Enum { size: 4, name: "choice" });
    assert_eq!(btf.size_of("all").unwrap(), 72);
}

#[test]
fn gives_no_byte_offset_for_a_bit_field() {
    let mut sketch = Sketch::new();
    let int = sketch.int("unsigned int", 4, false);
    sketch.bit_fields("flags", &[("whole", int, 0), ("bit", int, 1 << 24 | 35)]);
    let btf = sketch.btf();
    let located = btf.locate("flags", "bit").unwrap();
    assert_eq!((located.bit_offset, located.bit_field, located.byte_offset()), (35, Some(1), None));
    assert_eq!(offset(&btf, "flags", "whole"), 0);
}

#[test]
fn keeps_sign_and_width_of_enumerators() {
    let mut sketch = Sketch::new();
    sketch.enumeration("small", true, &[("MINUS", u32::MAX)]);
    sketch.enumeration("plain", false, &[("HIGH", u32::MAX)]);
    sketch.enumeration64("large", "HUGE", 1 << 40);
    let btf = sketch.btf();
    assert_eq!(btf.enumerator(Some("small"), "MINUS").unwrap(), -1);
    assert_eq!(btf.enumerator(Some("plain"), "HIGH").unwrap(), i128::from(u32::MAX));
    assert_eq!(btf.enumerator(Some("large"), "HUGE").unwrap(), 1 << 40);
    assert!(matches!(btf.enumerator(None, "HUGE"), Err(LookupError::NoEnumerator { .. })));
}

#[test]
fn rejects_unnamed_enums_that_disagree() {
    let mut sketch = Sketch::new();
    sketch.enumeration("", false, &[("SAME", 1), ("OTHER", 1)]);
    sketch.enumeration("", false, &[("SAME", 1), ("OTHER", 2)]);
    let btf = sketch.btf();
    assert_eq!(btf.enumerator(None, "SAME").unwrap(), 1);
    assert!(matches!(btf.enumerator(None, "OTHER"), Err(LookupError::Ambiguous { .. })));
}

/// Two structs with the same name, the second with these members.
fn twins(second: &[(&str, u32)]) -> Result<Located<'static>, LookupError> {
    let mut sketch = Sketch::new();
    let int = sketch.int("int", 4, true);
    sketch.group(Kind::Struct, "twin", 8, &[("here", int, 32)]);
    let members: Vec<_> = second.iter().map(|(name, at)| (*name, int, *at)).collect();
    sketch.group(Kind::Struct, "twin", 8, &members);
    let btf = Box::leak(Box::new(sketch.btf()));
    btf.locate("twin", "here")
}

#[test]
fn takes_the_struct_that_has_the_member() {
    assert_eq!(twins(&[("there", 0)]).unwrap().byte_offset(), Some(4));
    assert_eq!(twins(&[("there", 0), ("here", 32)]).unwrap().byte_offset(), Some(4));
}

#[test]
fn rejects_two_structs_that_disagree() {
    let refusal = twins(&[("here", 0)]).unwrap_err();
    assert!(matches!(&refusal, LookupError::Ambiguous { name, .. } if name == "twin.here"), "{refusal}");
}

#[test]
fn leaves_out_the_leading_pointer_of_tracepoints() {
    let mut sketch = Sketch::new();
    let int = sketch.int("int", 4, true);
    let task = sketch.wrap(Kind::Fwd, "task_struct", 0);
    let pointer = sketch.wrap(Kind::Ptr, "", task);
    sketch.tracepoint("mark_victim", &[pointer, int]);
    sketch.function("oom_kill", &[("victim", pointer)]);
    let btf = sketch.btf();
    let meanings: Vec<_> =
        btf.trace_arguments("mark_victim").unwrap().iter().map(|argument| argument.meaning).collect();
    assert_eq!(meanings, [Meaning::Pointer { to: "task_struct" }, Meaning::Int { size: 4, signed: true }]);
    assert_eq!(btf.parameters("oom_kill").unwrap()[0].name, "victim");
    assert!(matches!(btf.parameters("missing"), Err(LookupError::NoType { .. })));
}

#[test]
fn finds_names_of_any_length() {
    let mut sketch = Sketch::new();
    let names: Vec<String> = (1..40).map(|len| "n".repeat(len)).collect();
    let ids: Vec<u32> = names.iter().map(|name| sketch.int(name, 4, true)).collect();
    let btf = sketch.btf();
    for (name, id) in names.iter().zip(ids) {
        let found: Vec<u32> = btf.find(Kind::Int, name).map(|found| found.id()).collect();
        assert_eq!(found, [id], "{name}");
    }
}

#[test]
fn reads_the_running_kernel_or_reports_an_error() {
    match std::fs::read(RUNNING_KERNEL) {
        Ok(bytes) => {
            let (mapped, read) = (Btf::read(RUNNING_KERNEL.as_ref()).unwrap(), Btf::parse(bytes).unwrap());
            assert_eq!(mapped.count(), read.count());
            assert_eq!(mapped.size_of("task_struct").unwrap(), read.size_of("task_struct").unwrap());
        }
        Err(_) => {
            let error = Btf::read(RUNNING_KERNEL.as_ref()).err().unwrap().to_string();
            assert!(error.contains(RUNNING_KERNEL), "{error}");
        }
    }
}
