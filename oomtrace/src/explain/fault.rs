//! Inverts one rule of the verdict. Only the tests' own build contains this module.

use super::{Code, Policy, Verdict};
use crate::faults::Rule;

/// Inverts a rule.
pub(super) fn invert(verdict: &mut Verdict, rule: Rule) {
    match rule {
        Rule::MemcgLimit => verdict.code = other(verdict.code, [Code::MemcgLimit, Code::Global]),
        Rule::AllocatingTask => {
            let pair = [Policy::AllocatingTask, Policy::Badness];
            verdict.policy = verdict.policy.map(|policy| other(policy, pair));
        }
    }
}

/// The other value of a pair; any other value is unchanged.
fn other<T: Copy + PartialEq>(value: T, [one, two]: [T; 2]) -> T {
    match value {
        value if value == one => two,
        value if value == two => one,
        value => value,
    }
}

#[cfg(test)]
mod tests {
    use super::invert;
    use crate::{
        explain::{Code, Policy, Verdict, explain},
        faults::Rule,
        incident::Incident,
    };

    fn verdict(code: Code, policy: Option<Policy>) -> Verdict {
        Verdict { code, policy, ..explain(&Incident::default()) }
    }

    #[test]
    fn inverts_a_rule() {
        let inverted = |rule, mut verdict: Verdict| {
            invert(&mut verdict, rule);
            (verdict.code, verdict.policy)
        };
        let badness = || verdict(Code::MemcgLimit, Some(Policy::Badness));
        assert_eq!(inverted(Rule::MemcgLimit, badness()), (Code::Global, Some(Policy::Badness)));
        assert_eq!(
            inverted(Rule::AllocatingTask, badness()),
            (Code::MemcgLimit, Some(Policy::AllocatingTask))
        );
        let sysrq = || verdict(Code::Sysrq, None);
        assert_eq!(inverted(Rule::MemcgLimit, sysrq()), (Code::Sysrq, None));
        assert_eq!(inverted(Rule::AllocatingTask, sysrq()), (Code::Sysrq, None));
    }
}
