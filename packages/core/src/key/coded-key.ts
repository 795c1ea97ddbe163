/** Where the body of a response lies in a content coding: beside the response. */

export function codedKey(responseKey: string, coding: string): string {
  return `${responseKey}coding:${coding} `;
}
