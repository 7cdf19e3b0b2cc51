//! end2end
