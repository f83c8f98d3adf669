//! Which reports and forecasts reach the sinks, and how that changes while the pipeline runs.

use crate::{forecast::Announcement, report::Report};

/// Selects the reports that reach the sinks.
pub type Filter = Box<dyn Fn(&Report) -> bool + Send>;

/// Selects the forecasts that reach the sinks.
pub type ForecastFilter = Box<dyn Fn(&Announcement) -> bool + Send>;

/// The filters of a pipeline.
pub struct Filters {
    /// For reports.
    pub reports: Filter,
    /// For forecasts.
    pub forecasts: ForecastFilter,
}

/// Exchanges the filters if there are new ones. The pipeline calls it on its own thread while no incident is open, so that one set
/// of filters judges an incident from its decision to its end. It must not block.
pub type Exchange = Box<dyn FnMut(&mut Filters)>;
