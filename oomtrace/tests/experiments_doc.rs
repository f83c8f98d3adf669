//! `docs/experiments.md` matches the code: the keys of an experiment's file and of `result.json`. The experiments in `contrib`
//! are valid files.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use oomtrace::experiment::{
    file::parse,
    plan::Shape,
    predict::Prediction,
    result::{FIGURES, Machine, outcome},
    run::{Ended, Killed, Run},
};
use serde_json::Value;

const DOC: &str = include_str!("../../docs/experiments.md");

/// The complete example file of the document.
fn example() -> &'static str {
    DOC.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap_or_default()
}

/// The first cells of the document's tables.
fn documented() -> BTreeSet<&'static str> {
    let rows = DOC.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.filter_map(|row| row.split('`').next()).collect()
}

#[test]
fn the_example_is_valid_and_uses_every_key() {
    let plan = parse(example()).unwrap();
    assert!(plan.variants.len() > 1);
    for key in keys_of(example()) {
        assert!(documented().contains(key.as_str()), "{key} is in the example but not in the table");
    }
}

/// The keys of the example's tables.
fn keys_of(text: &str) -> BTreeSet<String> {
    // Quoted keys are names of kernel files.
    let lines = text.lines().filter(|line| !line.starts_with(['#', '"']));
    let keys = lines
        .filter_map(|line| line.split_once(" = "))
        .map(|(key, _)| key.trim().split('.').next().unwrap_or(key));
    keys.map(str::to_owned).collect()
}

/// Every key in an error's list of known keys is documented. The reader makes these lists from the keys that it requested.
#[test]
fn documents_every_key_of_the_reader() {
    let wrong = "x = 1\n[[cgroup]]\npath = \"a\"\nx = 1\n[[process]]\nname = \"p\"\nhog = \"anon\"\nsize = 1\nx = 1\n[[variant]]\nname = \
                 \"v\"\nprocess.p.x = 1\nx = 1\n";
    let complaints = parse(wrong).unwrap_err();
    let lists: Vec<&str> =
        complaints.iter().filter_map(|problem| problem.what.split("; it has ").nth(1)).collect();
    assert_eq!(lists.len(), 5, "{complaints:?}");
    let known: BTreeSet<&str> = lists.iter().flat_map(|list| list.split(", ")).collect();
    for key in known {
        assert!(documented().contains(key), "`{key}` is not in the document");
    }
}

#[test]
fn documents_every_shape_and_figure() {
    for shape in Shape::ALL {
        assert!(DOC.contains(&format!("| `{}`", shape.name())), "{}", shape.name());
    }
    for (name, _) in FIGURES {
        assert!(DOC.contains(&format!("`{name}`")), "{name}");
    }
}

#[test]
fn documents_every_key_of_the_result() {
    let plan = parse(example()).unwrap();
    let run = |variant: &str, number| Run {
        number,
        variant: variant.to_owned(),
        recording: String::new(),
        victim: "a".to_owned(),
        timed_out: false,
        trigger: None,
        cause: None,
        policy: None,
        margin_points: Some(1),
        killed: vec![Killed { name: "a".to_owned(), pid: None, role: oomtrace::incident::Role::Chosen }],
        collateral: Vec::new(),
        recovery_ns: None,
        freed_bytes: None,
        over_freed_bytes: None,
        ended: [("a".to_owned(), Some(Ended::Signal(9)))].into(),
    };
    let runs = plan.variants.iter().zip(1..).map(|(variant, number)| run(&variant.name, number)).collect();
    let prediction = Prediction {
        from: "a".to_owned(),
        to: "b".to_owned(),
        claimed: 0,
        refused: 0,
        victims: BTreeMap::new(),
        tested: 0,
        came_true: 0,
    };
    let outcome = outcome(&plan, Machine::default(), runs, vec![prediction]);
    let value = serde_json::to_value(outcome).unwrap();
    let mut keys = BTreeSet::new();
    collect(&value, &mut keys);
    for key in keys {
        assert!(DOC.contains(&format!("`{key}`")), "`{key}` of result.json is not in the document");
    }
}

/// Collects the keys of objects, except names that the experiment chose.
fn collect(value: &Value, keys: &mut BTreeSet<String>) {
    const OWN_NAMES: [&str; 5] = ["victims", "causes", "policies", "collateral", "ended"];
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                keys.insert(key.clone());
                if !OWN_NAMES.contains(&key.as_str()) {
                    collect(member, keys);
                }
            }
        }
        Value::Array(elements) => elements.iter().for_each(|element| collect(element, keys)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn the_ready_experiments_are_valid_and_their_results_are_documented() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../contrib/experiments");
    let files = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<_> =
        files.filter(|path| path.extension().is_some_and(|ending| ending == "toml")).collect();
    assert_eq!(files.len(), 6);
    for file in files {
        let plan = parse(&fs::read_to_string(&file).unwrap());
        let plan = plan.unwrap_or_else(|problems| panic!("{}: {problems:?}", file.display()));
        assert!(plan.variants.len() > 1, "{}", file.display());
        assert!(DOC.contains(&plan.title), "{} is not in the document", plan.title);
    }
}
