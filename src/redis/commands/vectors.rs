use super::commands;

commands! {}
