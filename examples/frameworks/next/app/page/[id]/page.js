export const revalidate = 300;
export const generateStaticParams = () => [];

export default async function Page({ params }) {
  const { id } = await params;
  return (
    <main>
      <h1>Page {id}</h1>
      {Array.from({ length: 200 }, (_, line) => (
        <p key={line}>A line of text.</p>
      ))}
    </main>
  );
}
