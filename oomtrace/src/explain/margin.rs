//! How far the chosen task was ahead of the next one, and what would have changed the choice. A margin is computed only if
//! points decided and no unseen task can have been the runner-up. Otherwise it is absent and not guessed.

use std::ops::Not as _;

use crate::{
    badness,
    incident::{Ballot, Candidate, Choice, Incident, Task},
};

/// How close the choice was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Margin {
    /// Points of the chosen task minus those of the runner-up, in pages. 0 if the order decided: of several tasks with equal
    /// points, the kernel takes the last one it examines.
    pub points: i64,
    /// The task that the kernel would have chosen instead.
    pub runner_up: Task,
    /// The highest `oom_score_adj` of the chosen task, -1000 to 1000, with which the kernel would have chosen the runner-up.
    /// Absent if the chosen task's own value is not known.
    pub chosen_adj_at_most: Option<i16>,
    /// The lowest `oom_score_adj` of the runner-up with which the kernel would have chosen it. Absent if the runner-up's own
    /// value is not known, or if even 1000 is too low.
    pub runner_up_adj_at_least: Option<i16>,
}

/// A candidate with its points, and its place in the kernel's order.
#[derive(Clone, Copy)]
struct Scored<'a> {
    place: usize,
    candidate: &'a Candidate,
    points: i64,
}

/// Computes the margin; `None` if there is none.
pub(super) fn margin(incident: &Incident) -> Option<Margin> {
    let choice = incident.choice.as_ref().filter(|choice| !choice.is_allocating_task())?;
    let ballot =
        incident.ballot.as_ref().filter(|ballot| ballot.evaluated() >= u64::from(choice.evaluated))?;
    if ballot.candidates.iter().any(Candidate::is_open) {
        return None;
    }
    let best = best(ballot, |_| true).filter(|best| is_choice(best, choice))?;
    // LONG_MAX is a rank and not a sum of pages.
    if best.points == i64::MAX {
        return None;
    }
    let next = best_but(ballot, best.place)?;
    let hidden = ballot.left_out_points.is_some_and(|points| points >= next.points);
    hidden.not().then(|| between(best, next, choice.total_pages))
}

fn is_choice(best: &Scored<'_>, choice: &Choice) -> bool {
    best.candidate.task.is_same_process(&choice.task)
}

fn best_but(ballot: &Ballot, place: usize) -> Option<Scored<'_>> {
    best(ballot, |scored| scored.place != place)
}

fn best(ballot: &Ballot, among: impl Fn(&Scored<'_>) -> bool) -> Option<Scored<'_>> {
    let scored = ballot.candidates.iter().enumerate().filter_map(|(place, candidate)| {
        let points = candidate.points?;
        Some(Scored { place, candidate, points })
    });
    badness::choose(scored.filter(among).map(|scored| (scored, scored.points))).map(|(best, _)| best)
}

fn between(best: Scored<'_>, next: Scored<'_>, total_pages: u64) -> Margin {
    // With equal points, the task that is examined last wins.
    let lead = i64::from(best.place > next.place);
    let (chosen, runner_up) = (&best.candidate.task, &next.candidate.task);
    let most = next.points.saturating_sub(lead);
    let least = best.points.saturating_add(lead);
    Margin {
        points: best.points.saturating_sub(next.points),
        runner_up: runner_up.clone(),
        chosen_adj_at_most: chosen
            .oom_score_adj
            .map(|adj| badness::adj_for_at_most(most, best.points, adj, total_pages)),
        runner_up_adj_at_least: runner_up
            .oom_score_adj
            .and_then(|adj| badness::adj_for_at_least(least, next.points, adj, total_pages)),
    }
}

#[cfg(test)]
mod tests {
    use super::{Margin, margin};
    use crate::incident::{Ballot, Candidate, Choice, Incident, PassedOver, Task};

    fn candidate(pid: i32, points: i64) -> Candidate {
        let task = Task { pid: Some(pid), oom_score_adj: Some(0), ..Task::default() };
        Candidate { task, points: Some(points), passed_over: None }
    }

    /// A decision between these candidates, in a domain of this many pages.
    fn decided(chosen: i32, candidates: Vec<Candidate>, total_pages: u64) -> Incident {
        let task = Task { pid: Some(chosen), ..Task::default() };
        let evaluated = u32::try_from(candidates.len()).unwrap();
        let choice = Choice { task, points: 0, total_pages, constraint: 0, evaluated, message: Vec::new() };
        let ballot = Ballot { candidates, ..Ballot::default() };
        Incident { choice: Some(choice), ballot: Some(ballot), ..Incident::default() }
    }

    /// The points, the runner-up's pid, and the two values that would change the choice.
    type Found = (i64, Option<i32>, Option<i16>, Option<i16>);

    fn found(incident: &Incident) -> Option<Found> {
        let Margin { points, runner_up, chosen_adj_at_most, runner_up_adj_at_least } = margin(incident)?;
        Some((points, runner_up.pid, chosen_adj_at_most, runner_up_adj_at_least))
    }

    #[test]
    fn finds_exact_adjustments_that_change_the_choice() {
        // One unit is 16 pages. The runner-up is examined last and wins a tie: 160 points are ten units.
        let first = decided(1, vec![candidate(1, 500), candidate(2, 340), candidate(3, -9)], 16_384);
        assert_eq!(found(&first), Some((160, Some(2), Some(-10), Some(10))));
        let last = decided(2, vec![candidate(1, 340), candidate(2, 500)], 16_384);
        assert_eq!(found(&last), Some((160, Some(1), Some(-11), Some(11))));
        let negative = decided(2, vec![candidate(1, -500), candidate(2, -57)], 2000);
        assert_eq!(found(&negative), Some((443, Some(1), Some(-222), Some(222))));
    }

    #[test]
    fn tie_goes_to_the_last_examined() {
        let tie = decided(2, vec![candidate(1, 500), candidate(2, 500)], 16_384);
        assert_eq!(found(&tie), Some((0, Some(1), Some(-1), Some(1))));
        let three = decided(3, vec![candidate(1, 500), candidate(2, 500), candidate(3, 500)], 16_384);
        assert_eq!(found(&three), Some((0, Some(2), Some(-1), Some(1))));
    }

    #[test]
    fn only_adj_min_helps_in_a_small_domain_or_far_ahead() {
        let small = decided(2, vec![candidate(1, 3), candidate(2, 500)], 999);
        assert_eq!(found(&small), Some((497, Some(1), Some(-1000), None)));
        let far = decided(2, vec![candidate(1, 3), candidate(2, 5000)], 1000);
        assert_eq!(found(&far), Some((4997, Some(1), Some(-1000), None)));
    }

    #[test]
    fn has_no_margin_without_points_or_runner_up() {
        let alone = decided(2, vec![candidate(2, 500)], 16_384);
        assert_eq!(found(&alone), None);
        let passed_over =
            Candidate { points: None, passed_over: Some(PassedOver::InVfork), ..candidate(1, 0) };
        assert_eq!(found(&decided(2, vec![passed_over.clone(), candidate(2, 500)], 16_384)), None);
        let two = vec![passed_over, candidate(3, 4), candidate(2, 500)];
        assert_eq!(found(&decided(2, two.clone(), 16_384)).unwrap().0, 496);
        let unseen = Candidate { points: None, ..candidate(4, 0) };
        assert_eq!(
            found(&decided(2, [two, vec![unseen]].concat(), 16_384)),
            None,
            "it may have been the runner-up"
        );
        let origin = decided(2, vec![candidate(1, 3), candidate(2, i64::MAX)], 16_384);
        assert_eq!(found(&origin), None, "it had the mark to be killed first");
        let mut allocating = decided(2, vec![candidate(1, 3), candidate(2, 500)], 16_384);
        assert!(found(&allocating).is_some());
        allocating.choice.as_mut().unwrap().message = b"Out of memory (oom_kill_allocating_task)".to_vec();
        assert_eq!(found(&allocating), None);
        let unseen = Incident { ballot: None, ..decided(2, Vec::new(), 16_384) };
        assert_eq!(found(&unseen), None);
        let elsewhere = decided(7, vec![candidate(1, 3), candidate(2, 500)], 16_384);
        assert_eq!(found(&elsewhere), None, "the points do not explain the choice");
    }

    #[test]
    fn has_no_margin_if_missing_rows_may_hide_the_runner_up() {
        let mut incident = decided(2, vec![candidate(1, 3), candidate(2, 500)], 16_384);
        let left_out = |incident: &mut Incident, points| {
            // There are fewer rows than the kernel examined if a frame was lost.
            let ballot = incident.ballot.as_mut().unwrap();
            (ballot.left_out, ballot.left_out_points) = (5, points);
        };
        left_out(&mut incident, Some(2));
        assert_eq!(found(&incident).unwrap().0, 497);
        left_out(&mut incident, None);
        assert_eq!(found(&incident).unwrap().0, 497, "none of them had points");
        left_out(&mut incident, Some(3));
        assert_eq!(found(&incident), None);
        left_out(&mut incident, None);
        incident.choice.as_mut().unwrap().evaluated = 8;
        assert_eq!(found(&incident), None, "a frame was lost");
        incident.ballot.as_mut().unwrap().kernel_threads = 1;
        assert_eq!(found(&incident).unwrap().0, 497);
    }
}
