import type { Command } from 'commander';

/** Adds paragraphs after the options in the help of a command, wrapped as the rest of it. */
export function addHelpParagraphs(command: Command, ...paragraphs: string[]): Command {
  return command.addHelpText('after', ({ command }) => {
    const help = command.createHelp();
    const width = command.configureOutput().getOutHelpWidth?.() ?? 80;
    return paragraphs.map((paragraph) => `\n${help.boxWrap(paragraph, width)}`).join('\n');
  });
}
