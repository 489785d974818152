//! The local QStash over real HTTP: its API as clients see it, and its deliveries as destinations see them.

mod callbacks;
mod cancelling;
mod dead_letters;
mod deliveries;
mod faults;
mod flow_control;
mod groups;
mod load;
mod logs;
mod publishing;
mod queues;
mod refusals;
mod schedules;
mod support;
